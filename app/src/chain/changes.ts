import {durationText, etherText, percentText, utcText} from '../numbers'
import type {Action, Address, Change, Hex, Rules} from '../types'
import {accountText, sharesText} from './actions'

// Before and after, as python chain/changes.py: two states compared, not calls retold, so that a side effect is said
// like an intended one.

/** What a vote can change. `members` are those that the actions touch. */
export interface State extends Omit<Rules, 'proposalThreshold'> {
  version: string
  specHash: Hex | ''
  suspendedUntil: number
  classes: {name: string; weight: number; veto: boolean; shares: bigint; rested: number}[]
  members: Record<Address, {classId: number; shares: bigint}>
  oracles: {signers: readonly Address[]; threshold: number; faults: number} | null
}

const SECONDS = {
  'voting-delay': 'votingDelay',
  'voting-period': 'votingPeriod',
  'vote-extension': 'voteExtension',
  'timelock-delay': 'timelockDelay',
  'challenge-window': 'window',
} as const

/** What the actions change; empty if nothing. */
export function changes(actions: readonly Action[], state: State): Change[] {
  const [old, now] = [facts(state), facts(actions.reduce(after, state))]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const [before, then] = [old.get(key), now.get(key)]
    const [b, a] = [before?.[1] ?? 'none', then?.[1] ?? 'none']
    return a === b ? [] : [{what: (before ?? then)![0], before: b, after: a}]
  })
}

/** How things are when the action has been carried out. */
function after(state: State, action: Action): State {
  switch (action.kind) {
    case 'adopt':
      return {...state, version: action.adopted.version, specHash: action.adopted.specHash}
    case 'resume':
      return {...state, suspendedUntil: 0}
    case 'allow-suspension':
      return {
        ...state,
        classes: state.classes.map((c, i) => (i === action.classId ? {...c, rested: 0} : c)),
      }
    case 'classes': {
      const spare = {shares: 0n, rested: 0}
      return {...state, classes: action.classes.map((c, i) => ({...(state.classes[i] ?? spare), ...c}))}
    }
    case 'member': {
      const before = state.members[action.account] ?? {classId: 0, shares: 0n}
      const classes = state.classes.map((c, i) => {
        let shares = c.shares
        if (i === before.classId) shares -= shares < before.shares ? shares : before.shares
        if (i === action.classId) shares += action.shares
        return {...c, shares}
      })
      const member = action.shares
        ? {classId: action.classId, shares: action.shares}
        : {classId: 0, shares: 0n}
      return {...state, classes, members: {...state.members, [action.account]: member}}
    }
    case 'rules':
      return {...state, threshold: action.threshold, quorum: action.quorum}
    case 'guardian':
      return {...state, guardian: action.account}
    case 'oracles':
      return {...state, oracles: action}
    case 'bond':
      return {...state, bond: action.wei}
    case 'unreadable':
      return state
    default:
      return {...state, [SECONDS[action.kind]]: action.seconds}
  }
}

/** What a thing is → its name and how it is, in the order in which people should read it. */
function facts(s: State): Map<string, [string, string]> {
  const found = new Map<string, [string, string]>()
  const say = (key: string, what: string, how: string) => found.set(key, [what, how])
  say('version', 'version in force', s.version ? `${s.version} (${s.specHash})` : 'none')
  say('suspended', 'suspended', s.suspendedUntil ? `until ${utcText(s.suspendedUntil)}` : 'no')
  s.classes.forEach((c, i) => {
    say(`name ${i}`, `${c.name}: name`, c.name)
    say(`weight ${i}`, `${c.name}: weight`, percentText(c.weight))
    say(`veto ${i}`, `${c.name}: veto`, c.veto ? 'yes' : 'no')
    say(`shares ${i}`, `${c.name}: all shares`, String(c.shares))
    say(`rested ${i}`, `${c.name}: may suspend again`, c.rested ? `from ${utcText(c.rested)}` : 'at once')
  })
  for (const [account, m] of Object.entries(s.members)) {
    const name = s.classes[m.classId]?.name ?? `class ${m.classId}`
    say(`member ${account}`, account, m.shares ? `${sharesText(m.shares)} of ${name}` : 'no stakeholder')
  }
  say('threshold', 'in favour, to pass', percentText(s.threshold))
  say('quorum', 'taking part, to pass', percentText(s.quorum))
  say('delay', 'from proposal to vote', durationText(s.votingDelay, 4))
  say('period', 'votes stay open for', durationText(s.votingPeriod, 4))
  say('extension', 'and after a late quorum for', durationText(s.voteExtension, 4))
  say('timelock', 'from vote to effect', durationText(s.timelockDelay, 4))
  say('guardian', 'guardian (may cancel proposals)', accountText(s.guardian))
  say('bond', 'bond of each oracle', etherText(s.bond))
  say('window', 'rewards can be challenged for', durationText(s.window, 4))
  if (s.oracles) {
    const {threshold, faults, signers} = s.oracles
    say('signing', 'oracles who must sign', `${threshold} of ${signers.length}`)
    say('faults', 'oracles who may be dishonest', String(faults))
    for (const signer of signers) say(`oracle ${signer}`, `oracle ${signer}`, 'may sign')
  }
  return found
}
