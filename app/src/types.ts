/**
 * What the page is made of. Amounts on the chain are bigint, times are seconds since 1970 as numbers, parts of a whole
 * are millionths as numbers, rewards are micro-units (0.000001) as bigint; hashes and bytes are lower-case 0x hex,
 * addresses are checksummed.
 */
import type {Address, Hex} from 'viem'

export type {Address, Hex}

// ---- where ------------------------------------------------------------------------------------------------------------

/** deployment.json: one reward contract on one chain. Nothing was logged before `block`. */
export interface Deployment {
  chain_id: number
  name: string
  contract_id: Hex
  registry: Address
  votes: Address
  timelock: Address
  governor: Address
  log: Address
  court: Address
  machine: Address
  block: number
}

/** GET api/site: what the service is about. `relayer` says whether it brings signed ballots to the chain. */
export interface Site {
  deployment: Deployment
  rpc: string
  relayer: boolean
  data: boolean
  version: string
  compiler: string
}

// ---- the chain, at one block ------------------------------------------------------------------------------------------

/** Everything below was read at this block. */
export interface Head {
  number: bigint
  hash: Hex
  time: number
}

/** A version that stakeholders put in force; the last one of `Ledger.versions` is active. */
export interface Version extends Adopted {
  index: number
  block: bigint
  transaction: Hex
}

/** A class now. `weight` in millionths of all, `shares` of all its members; `rested`: when it may suspend again, 0 now. */
export interface StakeholderClass {
  id: number
  name: string
  weight: number
  veto: boolean
  shares: bigint
  rested: number
  members: Member[]
}

export interface Member {
  account: Address
  classId: number
  shares: bigint
}

export interface OracleSet {
  configCount: bigint
  configDigest: Hex
  signers: Address[]
  threshold: number
  faults: number
}

/** A bond in wei; `leaving` is when its withdrawal began, 0 if it has not. */
export interface Stake {
  signer: Address
  amount: bigint
  leaving: number
  slashed: bigint
}

/** Rules that hold now; durations in seconds, parts in millionths. */
export interface Rules {
  threshold: number
  quorum: number
  votingDelay: number
  votingPeriod: number
  voteExtension: number
  timelockDelay: number
  proposalThreshold: bigint
  guardian: Address
  window: number
  bond: bigint
}

export interface Ledger {
  deployment: Deployment
  head: Head
  versions: Version[]
  /** Hash in force, null before the first adoption. */
  active: Hex | null
  /** Seconds since 1970, 0 if it is not suspended. */
  suspendedUntil: number
  classes: StakeholderClass[]
  rules: Rules
  oracles: OracleSet | null
  stakes: Stake[]
  /** The newest first. */
  proposals: Proposal[]
  /** The newest first; at most `EPOCHS_AT_ONCE` of them with a status, the rest by `readEpochs`. */
  epochs: Epoch[]
  epochCount: number
  incidents: Incident[]
  convictions: Conviction[]
  suspensions: Suspension[]
}

// ---- proposals --------------------------------------------------------------------------------------------------------

export const STATES = [
  'pending',
  'active',
  'canceled',
  'defeated',
  'succeeded',
  'queued',
  'expired',
  'executed',
] as const
export type ProposalState = (typeof STATES)[number]
export type Choice = 'for' | 'against' | 'abstain'

/** One call that the timelock shall make. */
export interface Call {
  target: Address
  value: bigint
  calldata: Hex
}

/** What a call does, read from its bytes alone. */
export type Action =
  | {kind: 'adopt'; call: Call; adopted: Adopted}
  | {kind: 'resume'; call: Call}
  | {kind: 'allow-suspension'; call: Call; classId: number}
  | {kind: 'classes'; call: Call; classes: {name: string; weight: number; veto: boolean}[]}
  | {kind: 'member'; call: Call; account: Address; classId: number; shares: bigint}
  | {kind: 'rules'; call: Call; threshold: number; quorum: number}
  | {
      kind: 'voting-delay' | 'voting-period' | 'vote-extension' | 'timelock-delay' | 'challenge-window'
      call: Call
      seconds: number
    }
  | {kind: 'guardian'; call: Call; account: Address}
  | {kind: 'oracles'; call: Call; signers: Address[]; threshold: number; faults: number}
  | {kind: 'bond'; call: Call; wei: bigint}
  | {kind: 'unreadable'; call: Call}

/** What an adoption puts in force. */
export interface Adopted {
  specHash: Hex
  programHash: Hex
  parentSpecHash: Hex
  proofHash: Hex
  language: number
  version: string
  compiler: string
  uri: string
}

/** What a class has said so far; shares. `shares` is what it has in all at the snapshot. */
export interface ClassTally {
  id: number
  name: string
  weight: number
  veto: boolean
  shares: bigint
  favour: bigint
  against: bigint
  abstain: bigint
  side: 'for' | 'against' | 'undecided' | 'silent'
}

/** One vote. `classId` is null if the voter was in no class at the snapshot. */
export interface Cast {
  voter: Address
  classId: number | null
  shares: bigint
  choice: Choice
  reason: string
  block: bigint
  transaction: Hex
}

export interface Proposal {
  /** Decimal text: it passes every number. */
  id: string
  proposer: Address
  description: string
  calls: Call[]
  actions: Action[]
  /** What the calls do, in words; the same words as the command line, and as the ballot of what is no text. */
  does: string
  /** The one text it adopts, and nothing else; null for every other proposal. */
  adopted: Adopted | null
  /** Before and after, as things are now; only while it is open, and empty for the adoption of a text. */
  changes: Change[]
  state: ProposalState
  /** Weights in millionths of all classes. */
  favour: number
  against: number
  undecided: number
  threshold: number
  quorum: number
  quorumReached: boolean
  vetoed: boolean
  classes: ClassTally[]
  votes: Cast[]
  /** Voting is open after `opens` until `closes`; `ready` is when it may be executed, 0 until queued. */
  opens: number
  closes: number
  ready: number
  /** Proposed against a text that is not the one in force, so it cannot be executed; only for open adoptions. */
  stale: boolean
  block: bigint
  transaction: Hex
}

export interface Change {
  what: string
  before: string
  after: string
}

/** What an account may do with a proposal. Class and shares are those at the snapshot (now, before it). */
export interface Standing {
  account: Address
  classId: number | null
  className: string
  shares: bigint
  hasVoted: boolean
  /** What it has voted, once the proposal was read after that. */
  voted: Choice | null
  /** Of the next ballot in words (adoptions) or OpenZeppelin's (anything else). */
  nonce: bigint
  /** In wei. */
  balance: bigint
  isContract: boolean
}

// ---- rewards ----------------------------------------------------------------------------------------------------------

export type EpochStatus = 'unknown' | 'pending' | 'final' | 'revoked'

/** An attested batch, as oracles signed it. */
export interface Batch {
  contractId: Hex
  specHash: Hex
  runId: Hex
  epoch: bigint
  root: Hex
  count: number
  prevSeal: Hex
  dataHash: Hex
  configDigest: Hex
  deadline: bigint
}

export interface Epoch {
  number: number
  batch: Batch
  bitmap: bigint
  status: EpochStatus
  attestedAt: number
  challengeableUntil: number
  block: bigint
  transaction: Hex
}

/** An audit event; `kind` as the log names it. */
export interface Incident {
  kind: 'checkpoint' | 'model-card' | 'erasure' | 'incident'
  subject: Hex
  hash: Hex
  by: Address
  block: bigint
  transaction: Hex
}

/** A challenge that was right. Wrong ones revert and leave nothing. */
export interface Conviction {
  epoch: number
  challenger: Address
  fault: 'forged' | 'misshapen' | 'beyond-count' | 'double'
  index: number
  slashed: bigint
  share: bigint
  block: bigint
  transaction: Hex
}

export interface Suspension {
  kind: 'backed' | 'suspended' | 'resumed' | 'allowed'
  classId: number | null
  member: Address | null
  until: number
  block: bigint
  transaction: Hex
}

/** A leaf's fields. `reward` is null unless the row is rewarded. */
export interface Leaf {
  index: number
  sampleId: Hex
  status: RowStatus
  signals: bigint[]
  reward: bigint | null
}

export type RowStatus = 'rewarded' | 'inadmissible' | 'invalid'

// ---- our own service --------------------------------------------------------------------------------------------------

/** Words of ours, or copied from the source, or free text of an author. */
export interface Piece {
  text: string
  style: 'words' | 'code' | 'quote'
}

export interface Sentence {
  pieces: Piece[]
  items: Sentence[]
}

/** A stretch of the source and what it means. Lines count from 1. */
export interface Entry {
  firstLine: number
  lastLine: number
  source: string
  sentences: Sentence[]
  notes: string[]
}

export interface Section {
  title: string
  about: Sentence[]
  entries: Entry[]
}

export interface SignalField {
  name: string
  kind: 'bool' | 'int' | 'real' | 'choice'
  /** In units of the machine: 1 for int, bool and choice, 0.000001 for real; decimal texts of integers. */
  lowest: string
  highest: string
  choices: string[]
}

/** A signal as sliders need it. For a list, `highest` is the greatest length. */
export interface Signal extends Omit<SignalField, 'kind'> {
  kind: SignalField['kind'] | 'list'
  fields: SignalField[]
  scorer: string
}

/** A text of the language with what a browser cannot derive; `source` and `program` are checked against the hashes. */
export interface SpecDocument {
  specHash: Hex
  programHash: Hex
  contract: string
  version: string
  title: string
  source: string
  program: Hex
  about: Sentence[]
  sections: Section[]
  signals: Signal[]
  stakeholders: {name: string; weight: number; veto: boolean; wants: string}[]
  requirements: {name: string; text: string}[]
  /** In the order in which the machine numbers breaches. */
  rules: Rule[]
  /** Promised of every reward; `PROVE` promises are in the proof's report. */
  ensures: {name: string; text: string}[]
  aggregate: string
  /** Micro-units, decimal texts: the promised range of the reward. */
  lowest: string
  highest: string
}

/** An INVARIANT. */
export interface Rule {
  name: string
  text: string
  /** Decimal texts; null where the rule has none. */
  penalty: string | null
  atMost: string | null
  cites: string
}

/** Something that is asked for again until `state` is no longer pending. */
export interface Progress {
  state: 'pending' | 'done' | 'failed'
  done: number
  /** 0 while it is not known. */
  total: number
  detail: string
}

export interface WitnessRow {
  signals: Record<string, unknown>
  status: RowStatus
  /** Decimal text. */
  reward: string | null
  broken: string[]
  decides: string | null
}

export interface PromiseResult {
  id: string
  sentence: string
  source: string
  assumptions: string[]
  verdict: 'proved' | 'refuted' | 'vacuous' | 'unknown'
  decidedBy: string
  witness: WitnessRow[]
  note: string
  /** What would make it hold, if anything is known. */
  change: string
}

export interface Proof extends Progress {
  specHash: Hex
  promises: PromiseResult[]
  /** Of the report, to be held against what is voted on; null until done. */
  proofHash: Hex | null
  solver: string
  allProved: boolean
}

/** A row in which two versions differ. */
export interface ComparedRow {
  signals: Record<string, unknown>
  old: ComparedSide
  new: ComparedSide
}
export interface ComparedSide {
  status: RowStatus
  reward: string | null
  broken: string[]
  /** The requirement that is false, if one is. */
  requires: string | null
}

export type ChangeKind =
  'same' | 'changed' | 'stronger' | 'weaker' | 'incomparable' | 'unknown' | 'renamed' | 'new' | 'gone'

export type Answer = 'yes' | 'no' | 'unknown'

export interface Extent {
  atLeast: string
  atMost: string | null
  exact: boolean
  row: ComparedRow | null
}

export interface RuleSide {
  condition: string
  penalty: string | null
  atMost: string | null
  cites: string | null
}

/** What `rlhf-contract diff --json` says. */
export interface Comparison {
  old: {contract: string; version: string; specHash: Hex; programHash: Hex}
  new: {contract: string; version: string; specHash: Hex; programHash: Hex}
  relation: 'equivalent' | 'stricter' | 'looser' | 'incomparable' | 'unknown'
  decidedBy: string
  notComparable: string[]
  refines: {answer: Answer; row: ComparedRow | null}
  largestRise: Extent
  largestFall: Extent
  rewardedOnlyByNew: {answer: Answer; row: ComparedRow | null}
  rewardedOnlyByOld: {answer: Answer; row: ComparedRow | null}
  promises: {id: string; was: string | null; change: ChangeKind; old: string | null; new: string | null}[]
  rules: {
    kind: string
    name: string
    was: string | null
    change: ChangeKind
    condition: string | null
    old: RuleSide | null
    new: RuleSide | null
  }[]
  differences: {kind: string; name: string; what: string; old: string | null; new: string | null}[]
  solver: string
}

/** The comparison in English, as `rlhf-contract diff` prints it. Rows whose number is in `strong` matter most. */
export interface Paper {
  title: string
  first: Piece[]
  about: Piece[][]
  parts: {title: string; about: Piece[][]; columns: string[]; rows: Piece[][][]; strong: number[]}[]
  footer: [string, string][]
}

export interface Diff extends Progress {
  comparison: Comparison | null
  paper: Paper | null
}

/** A line of a text diff; numbers count from 1, null on the side where the line is not. */
export interface Line {
  kind: 'same' | 'removed' | 'added'
  old: number | null
  new: number | null
  text: string
}

/** Of one epoch's file; rewards in micro-units as decimal texts. */
export interface EpochStatistics {
  root: Hex
  dataHash: Hex
  specHash: Hex
  count: number
  rewarded: number
  inadmissible: number
  invalid: number
  lowest: string | null
  highest: string | null
  mean: string | null
  /** Bins of equal width: `edges` has one more entry than `counts`. */
  histogram: {edges: string[]; counts: number[]}
  /** By rule, in the order of `SpecDocument.rules`. */
  violations: {name: string; count: number}[]
  inadmissibleBy: {name: string; count: number}[]
  signals: {name: string; lowest: string; highest: string; mean: string}[]
}

/** One row with what proves that it was attested. */
export interface SampleDocument {
  epoch: number
  root: Hex
  row: number
  leaf: Hex
  proof: Hex[]
}

/** What `rlhf-contract vote --sign-only` writes and `rlhf-contract relay` reads. Integers are decimal texts. */
export interface SignedBallot {
  format: 'rlhf-contract ballot 1'
  chainId: number
  governor: Address
  ballot: Record<string, string>
  signature: Hex
}

// ---- the machine ------------------------------------------------------------------------------------------------------

/** What the machine says of one row; as `step.py`. */
export interface Outcome {
  status: RowStatus
  /** Micro-units; null unless rewarded. */
  reward: bigint | null
  /** Index of the false REQUIRE. */
  requirement: number | null
  /** Indices of broken rules. */
  breaches: number[]
  /** utility = value ÷ 10^scale, by stakeholder. */
  utilities: {value: bigint; scale: number}[]
  /** Every register in order, 0 where none was written; empty when the row is invalid. */
  trace: bigint[]
}
