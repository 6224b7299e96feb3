/** One reward: what it is, why, the proof that it is the one on the chain, and a challenge where it is wrong. */

import {PageError} from '../errors'
import {machine, merkle, wallet} from '../index'
import type {Epoch, Leaf, Outcome, SampleDocument, SpecDocument} from '../types'
import type {Desk} from '../ui/desk'
import {ask} from '../ui/dialog'
import {h, replace, visible, type Child} from '../ui/dom'
import {sendFailure} from '../ui/failure'
import {decimal, ether, percent, short} from '../ui/format'
import {action, facts, hash, loading, more, notice, table} from '../ui/parts'
import {to} from '../ui/router'
import {mark} from '../ui/tally'
import {connect} from '../ui/wallets'
import {findEpoch} from './epoch'
import {statusBadge, window_} from './rewards'
import type {Screen, View} from './screen'

export const sample: View = async (desk, [id = '']) => {
  if (!/^0x[0-9a-f]{64}$/i.test(id)) throw new PageError('not_found', 'That is no sample id.')
  return screen(desk, await desk.api.sample(id as `0x${string}`), id)
}

/** The same by epoch and row. */
export const row: View = async (desk, [number = '', , index = '']) => {
  const e = await findEpoch(desk, Number(number))
  return screen(desk, await desk.api.row(e.batch.root, Number(index)), null)
}

async function screen(desk: Desk, document_: SampleDocument, wanted: string | null): Promise<Screen> {
  const e = await findEpoch(desk, document_.epoch)
  const leaf = merkle.decodeLeaf(document_.leaf)
  // The root is the chain's, never the service's.
  const proved = merkle.verifyProof(e.batch.root, merkle.leafHash(document_.leaf), document_.proof)
  if (!proved || (wanted !== null && leaf.sampleId !== wanted.toLowerCase()))
    throw new PageError('proof_wrong', 'The proof does not lead to the root on the chain.')
  const spec = await desk.text(e.batch.specHash)
  const outcome = machine.run(machine.decode(spec.program), leaf.signals)
  const right = outcome.status === leaf.status && outcome.reward === leaf.reward
  const judged = machine.judged(spec, outcome)
  const values = machine.fromRow(spec.signals, leaf.signals)
  return {
    title: leaf.reward === null ? 'This answer got no reward' : `This answer earned ${decimal(leaf.reward)}`,
    body: [
      h(
        'p',
        {class: 'row'},
        h('a', {href: to('epoch', e.number)}, `Epoch ${e.number}`),
        `row ${leaf.index}`,
        statusBadge(e.status),
      ),
      h(
        'ul',
        {class: 'checks'},
        h(
          'li',
          null,
          mark(true, 'It is the one on the chain: '),
          'its proof leads to the root of the epoch. Your browser followed it.',
        ),
        h(
          'li',
          null,
          right
            ? [
                mark(true, 'It is right: '),
                `the adopted program, version ${visible(spec.version)}, computes the same from its signals. Your browser ran it.`,
              ]
            : [
                mark(false, 'It is wrong: '),
                `the adopted program computes ${outcome.reward === null ? 'no reward' : decimal(outcome.reward)} from its signals.`,
              ],
        ),
      ),
      ...(right ? [] : [court(desk, e, document_, spec, leaf, outcome)]),
      h('h2', null, 'Why this much'),
      why(judged),
      h('h2', null, 'What was said about the answer'),
      h(
        'p',
        {class: 'quiet'},
        'These signals were committed to the chain together with the reward. The text of the answer is not on the chain.',
      ),
      table(
        'Signals',
        ['Signal', 'Value'],
        spec.signals.map((s) => [h('code', null, visible(s.name)), signalWords(s, values[s.name])]),
        {flat: true},
      ),
      more(
        'The proof',
        facts([
          ['Sample id', hash(leaf.sampleId, 'sample id')],
          ['Leaf', hash(merkle.leafHash(document_.leaf), 'hash of the leaf')],
          ['Root, from the chain', hash(e.batch.root, 'root')],
          ['Version', h('a', {href: to('text', spec.specHash)}, visible(spec.version))],
        ]),
        h(
          'ol',
          null,
          document_.proof.map((p) => h('li', null, hash(p, 'sibling in the proof'))),
        ),
      ),
    ],
  }
}

function signalWords(signal: SpecDocument['signals'][number], value: machine.Value | undefined): string {
  if (value === undefined || value === machine.ABSENT) return 'could not be read'
  if (typeof value === 'bigint') return machine.shown(signal, value)
  return (
    value
      .map((item) => signal.fields.map((f) => `${f.name} ${machine.shown(f, item[f.name] ?? 0n)}`).join(', '))
      .join('; ') || 'none'
  )
}

function why(judged: machine.Judged): Child {
  if (judged.status === 'invalid')
    return h('p', null, 'A signal could not be read or was out of its range, so there is no reward.')
  if (judged.requirement)
    return h(
      'p',
      null,
      'The requirement ',
      h('code', null, visible(judged.requirement.text)),
      ' is not met, so the answer is not counted.',
    )
  return [
    table(
      'What each stakeholder makes of it',
      ['Stakeholder', 'Weight', 'Wants', 'Their score'],
      judged.utilities.map((u) => [
        visible(u.stakeholder),
        percent(u.weight),
        h('code', null, visible(u.wants)),
        u.utility.replace('-', '−'),
      ]),
      {right: [3]},
    ),
    judged.broken.length === 0
      ? h('p', null, 'It breaks no rule.')
      : h(
          'ul',
          null,
          judged.broken.map((r) =>
            h(
              'li',
              null,
              'It breaks ',
              h('b', {class: 'bad'}, visible(r.name)),
              ', ',
              h('code', null, visible(r.text)),
              r.penalty && ` (costs ${r.penalty})`,
              r.atMost && ` (at most ${r.atMost.replace('-', '−')})`,
            ),
          ),
        ),
    judged.reward !== null &&
      h(
        'p',
        null,
        'Reward: ',
        h('b', null, judged.reward.replace('-', '−')),
        judged.decides && [', decided by ', h('code', null, visible(judged.decides))],
        '.',
      ),
  ]
}

/** What somebody does about a wrong reward. */
function court(
  desk: Desk,
  e: Epoch,
  document_: SampleDocument,
  spec: SpecDocument,
  leaf: Leaf,
  outcome: Outcome,
): HTMLElement {
  const place = h('div', null)
  const now = desk.ledger.head.time
  const money = (v: bigint | null): string => (v === null ? 'no reward' : decimal(v))
  const go = async (): Promise<void> => {
    if (!desk.session && !(await connect(desk))) return
    const {session} = desk
    if (!session) return
    const answer = await ask(
      'You are about to challenge this epoch',
      [
        h(
          'p',
          null,
          `The court runs the adopted program on this row again, on the chain. It will find ${money(outcome.reward)} instead of ${money(leaf.reward)}.`,
        ),
        h(
          'ul',
          null,
          h('li', null, 'All rewards of the epoch are revoked.'),
          h(
            'li',
            null,
            `Its signers lose their bonds (${ether(desk.ledger.rules.bond)} are asked of each); half goes to you.`,
          ),
          h('li', null, 'You pay the fee of one transaction. A wrong challenge only fails.'),
        ),
      ],
      [['go', 'Open my wallet to send it', 'danger']],
    )
    if (answer !== 'go') return
    replace(place, loading('Confirm it in your wallet …'))
    try {
      const sent = await wallet.challenge(session, desk.chain, e, document_, spec, (tx) => {
        replace(place, loading(`Sent (${short(tx)}). Waiting for the chain …`))
      })
      await desk.refresh().catch(() => {}) // the banner on top says that the chain does not answer
      replace(
        place,
        notice(
          'good',
          'The epoch is revoked',
          h(
            'p',
            null,
            'The court found the reward wrong. Transaction ',
            hash(sent.transaction, 'transaction'),
            '.',
          ),
          h('p', null, h('a', {href: to('incidents')}, 'See incidents and challenges')),
        ),
      )
    } catch (error) {
      replace(place, sendFailure(desk, error, go))
    }
  }
  const open = e.status === 'pending' && e.challengeableUntil > now
  return h(
    'div',
    null,
    notice(
      'bad',
      'This reward is wrong',
      h(
        'p',
        null,
        `Attested was ${money(leaf.reward)}; right is ${money(outcome.reward)}. `,
        window_(e, now),
      ),
      open && action('Challenge it', 'danger', go),
    ),
    place,
  )
}
