/** The way of a vote to the chain: words first, then the wallet; and the steps after a vote. */

import {
  PageError,
  wallet,
  type Choice,
  type Hex,
  type Proposal,
  type SignedBallot,
  type SpecDocument,
} from '../index'
import {announce} from './announce'
import {ballotFields} from './ballot'
import type {Desk} from './desk'
import {ask} from './dialog'
import {h, visible, type Child} from './dom'
import {failure, sendFailure} from './failure'
import {short} from './format'
import {action, hash, loading, notice, time} from './parts'
import {connect} from './wallets'

export type Way = 'signature' | 'transaction'
/** Say what has happened, then read the chain anew. */
export type Done = (words: Child) => Promise<void>
/** Say what is going on, or went wrong; null for nothing. */
export type Fail = (problem: Child) => void

/** Words first, then the wallet. */
export async function cast(
  desk: Desk,
  p: Proposal,
  spec: SpecDocument | null,
  choice: Choice,
  way: Way,
  done: Done,
  fail: Fail,
): Promise<void> {
  const {session, chain} = desk
  if (!session) return
  const retry = (): Promise<void> => cast(desk, p, spec, choice, way, done, fail)
  fail(null)
  let document: wallet.BallotDocument | null = null
  try {
    if (way === 'signature') document = await wallet.ballotToSign(session, chain, p, choice, {spec})
  } catch (error) {
    fail(failure(error, retry))
    return
  }
  const answer = await ask(
    `You are about to vote ${choice}`,
    [
      h(
        'p',
        null,
        p.adopted
          ? `on version ${visible(p.adopted.version)} of ${visible(desk.ledger.deployment.name)}. A vote counts once and cannot be changed.`
          : `on this: ${visible(p.does)}. A vote counts once and cannot be changed.`,
      ),
      document
        ? [
            h('p', null, 'Your wallet will show these words. Sign only if they are the same:'),
            ballotFields(document),
          ]
        : h(
            'p',
            null,
            'Your wallet will ask you to send a transaction to the governor ',
            hash(desk.site.deployment.governor, 'address of the governor'),
            `. It calls castVoteWithReason with ${choice === 'for' ? '1 (for)' : choice === 'against' ? '0 (against)' : '2 (abstain)'} for proposal ${short(p.id)}, and with these words: ${visible(wallet.ballotTitle(p, choice, desk.ledger.deployment.name))}.`,
          ),
    ],
    [['go', way === 'signature' ? 'Open my wallet to sign' : 'Open my wallet to send', 'main']],
  )
  if (answer !== 'go') return
  try {
    if (!document) {
      fail(loading('Confirm it in your wallet …'))
      const sent = await wallet.vote(session, chain, p, choice, {spec}, (hash_) => {
        fail(loading(`Sent (${short(hash_)}). Waiting for the chain …`))
      })
      await done([
        h('p', null, `Your vote ${choice === 'abstain' ? 'to abstain' : choice} is on the chain.`),
        receipt(sent),
      ])
    } else await bySignature(desk, p, spec, choice, document, done, fail)
  } catch (error) {
    announce('Your vote was not cast.')
    fail(failure(error, retry))
  }
}

async function bySignature(
  desk: Desk,
  p: Proposal,
  spec: SpecDocument | null,
  choice: Choice,
  announced: wallet.BallotDocument,
  done: Done,
  fail: Fail,
): Promise<void> {
  const {session, chain} = desk
  if (!session) return
  fail(loading('Sign it in your wallet …'))
  const ballot = await wallet.signBallot(session, chain, p, choice, {spec}, announced)
  if (!desk.site.relayer) {
    fail(
      notice(
        'warn',
        'Signed, but not counted yet',
        h('p', null, 'Save your signed vote and give it to somebody who brings it to the chain.'),
        saver(ballot),
      ),
    )
    return
  }
  const bring = async (): Promise<void> => {
    fail(loading('Signed. The service brings it to the chain …'))
    try {
      const sent = await desk.api.relay(ballot)
      await done([
        h(
          'p',
          null,
          `Your vote ${choice === 'abstain' ? 'to abstain' : choice} is on the chain. You paid nothing.`,
        ),
        receipt(sent),
      ])
    } catch (error) {
      fail([failure(error, bring, 'Bring it again'), saver(ballot)])
    }
  }
  await bring()
}

function receipt(sent: {transaction: Hex; block: bigint | number}): HTMLElement {
  return h(
    'p',
    {class: 'small'},
    'Transaction ',
    hash(sent.transaction, 'transaction'),
    `, block ${sent.block}.`,
  )
}

function saver(ballot: SignedBallot): HTMLElement {
  const href = URL.createObjectURL(
    new Blob([`${JSON.stringify(ballot, null, 2)}\n`], {type: 'application/json'}),
  )
  return h('p', null, h('a', {class: 'button', href, download: 'ballot.json'}, 'Save my signed vote'))
}

/** What has passed: queue it, wait, put it into effect. Anybody may. */
export function next(desk: Desk, p: Proposal, done: Done, fail: Fail, again: () => unknown): Child {
  if (p.stale) return failure(new PageError('stale', 'It is out of date.'))
  if (p.state === 'queued' && p.ready > desk.ledger.head.time)
    return h(
      'p',
      null,
      'It has passed. It can take effect ',
      time(p.ready, desk.ledger.head.time),
      '. Anybody can do that here then.',
    )
  const [label, what] =
    p.state === 'succeeded' ? ['Start the waiting period', 'queue'] : ['Put it into effect', 'execute']
  if (!desk.session)
    return [
      h('p', null, 'It has passed. Anybody with a wallet can take the next step; it needs no vote.'),
      action('Connect a wallet', 'main', async () => {
        if (await connect(desk)) await again()
      }),
    ]
  const run = async (): Promise<void> => {
    const {session} = desk
    if (!session) return
    fail(loading('Confirm it in your wallet …'))
    try {
      const sent = await wallet.advance(session, desk.chain, p, (hash_) => {
        fail(loading(`Sent (${short(hash_)}). Waiting for the chain …`))
      })
      await done([
        h('p', null, what === 'queue' ? 'The waiting period has begun.' : 'It has taken effect.'),
        receipt(sent),
      ])
    } catch (error) {
      fail(sendFailure(desk, error, run))
    }
  }
  return [
    h(
      'p',
      null,
      what === 'queue'
        ? 'It has passed. The next step begins the waiting period. Any account may take it and pays the fee.'
        : 'It has passed and the waiting period is over. Any account may put it into effect and pays the fee.',
    ),
    action(label, 'main', run),
  ]
}
