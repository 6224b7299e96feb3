/** Every failure in plain words: what happened, what it means for you, and a way on. */

import {PageError, type Code} from '../errors'
import type {Desk} from './desk'
import {h, visible, type Child} from './dom'
import {moment, short} from './format'
import {action, hash, notice, type Tone} from './parts'

interface Words {
  readonly title: string
  readonly means: (data: Readonly<Record<string, unknown>>) => Child
  readonly tone?: Tone
}

const NOTHING = 'Nothing was signed and nothing was sent.'

const WORDS: Partial<Record<Code, Words>> = {
  no_wallet: {
    title: 'There is no wallet in this browser',
    means: () => [
      h(
        'p',
        null,
        'You can read everything here without one. To vote you need the wallet that holds your stakeholder account: install its browser extension, or open this address inside the browser of your phone’s wallet, and try again.',
      ),
      h(
        'p',
        null,
        'No wallet at all? The command line votes too, also with a hardware key: ',
        h('code', null, 'rlhf-contract vote --help'),
        '.',
      ),
    ],
    tone: 'warn',
  },
  rejected: {
    title: 'You said no in your wallet',
    means: () =>
      h(
        'p',
        null,
        `${NOTHING} You can take your time, read again, and choose later, as long as the vote is open.`,
      ),
    tone: 'warn',
  },
  wallet_busy: {
    title: 'Your wallet is still waiting for an answer',
    means: () =>
      h(
        'p',
        null,
        'It has an earlier question open. Open the wallet, answer or close that question, and try again.',
      ),
    tone: 'warn',
  },
  wrong_chain: {
    title: 'Your wallet is on another chain',
    means: (d) =>
      h(
        'p',
        null,
        `This contract lives on chain ${text(d['expected'])}, your wallet is on chain ${text(d['actual'])}. ${NOTHING} Let the wallet change over, or choose the chain there by hand.`,
      ),
    tone: 'warn',
  },
  insufficient_funds: {
    title: 'This account cannot pay for the transaction',
    means: () =>
      h(
        'p',
        null,
        `${NOTHING} Put a little ether into the account, or sign your vote instead: a signature costs nothing, and somebody else brings it.`,
      ),
    tone: 'warn',
  },
  wallet_failed: {
    title: 'Your wallet reported a fault',
    means: (d) => [
      h('p', null, 'It said: ', words(d['message'])),
      h('p', null, 'Check in the wallet whether anything was sent before you try again.'),
    ],
  },
  not_stakeholder: {
    title: 'This account has no vote here',
    means: (d) => [
      h(
        'p',
        null,
        d['address'] ? hash(text(d['address']), 'address') : 'The account',
        ' was in no class of stakeholders when this vote was opened, so it can read but not vote.',
      ),
      h(
        'p',
        null,
        'Choose another account in your wallet, or look up which accounts vote: ',
        h('a', {href: '#/people'}, 'Who decides'),
        '.',
      ),
    ],
    tone: 'warn',
  },
  already_voted: {
    title: 'This account has already voted',
    means: (d) =>
      h('p', null, `It voted ${text(d['choice']) || 'before'}. A vote counts once and cannot be changed.`),
    tone: 'warn',
  },
  not_open: {
    title: 'Voting has not opened yet',
    means: (d) =>
      h(
        'p',
        null,
        typeof d['opens'] === 'number' ? `It opens ${moment(d['opens'])}. ` : '',
        'Until then you can read, try and discuss what is proposed.',
      ),
    tone: 'warn',
  },
  closed: {
    title: 'This vote is closed',
    means: () =>
      h(
        'p',
        null,
        `No more votes are counted. ${NOTHING} What came of it stands on this page; whoever wants something else can propose it anew.`,
      ),
    tone: 'warn',
  },
  hash_mismatch: {
    title: 'Stop: the text shown here is not what is voted on',
    means: (d) => [
      h(
        'p',
        null,
        `Your browser computed the fingerprint of the text on this page, and it is not the one in the proposal. Whoever signs now would agree to something that nobody can read here, so this page lets nobody sign. ${NOTHING}`,
      ),
      h(
        'dl',
        {class: 'facts'},
        h('dt', null, text(d['what']) || 'specHash'),
        h('dd', null, ''),
        h('dt', null, 'in the proposal'),
        h('dd', null, hash(text(d['expected']), 'expected fingerprint')),
        h('dt', null, 'of the text shown'),
        h('dd', null, hash(text(d['actual']), 'computed fingerprint')),
      ),
      h(
        'p',
        null,
        'Tell whoever runs this page and the other stakeholders, by another way than this page. You can still check and vote with your own copy of the text on the command line.',
      ),
    ],
  },
  unreadable: {
    title: 'Part of this proposal cannot be put into words',
    means: () =>
      h(
        'p',
        null,
        `It makes a call that this page does not understand, so it lets nobody vote on it blindly. ${NOTHING}`,
      ),
  },
  ballot_expired: {
    title: 'The signed vote has expired',
    means: () =>
      h(
        'p',
        null,
        'It was not brought to the chain in time, or something has changed since it was shown to you, so it does not count. Sign a new one while the vote is open.',
      ),
    tone: 'warn',
  },
  not_ready: {
    title: 'It is too early',
    means: (d) =>
      h(
        'p',
        null,
        `What has passed waits, so that everybody can prepare. ${typeof d['eta'] === 'number' ? `It can take effect from ${moment(d['eta'])}.` : ''}`,
      ),
    tone: 'warn',
  },
  refused: {
    title: 'The contract refuses this',
    means: (d) => [
      h('p', null, `${NOTHING} Its reason is called `, h('code', null, text(d['name']) || 'unknown'), '.'),
      h('p', null, h('a', {href: '#/'}, 'Read the state anew'), '; perhaps somebody was faster.'),
    ],
  },
  stale: {
    title: 'It was proposed against a version that is no longer in force',
    means: () =>
      h(
        'p',
        null,
        'Another version has taken effect since, so this one can never do so. It would have to be proposed anew.',
      ),
    tone: 'warn',
  },
  leaf_right: {
    title: 'This reward is right',
    means: () =>
      h(
        'p',
        null,
        `The chain would compute the same reward from these signals, so there is nothing to challenge. ${NOTHING}`,
      ),
    tone: 'good',
  },
  too_late: {
    title: 'It is too late for a challenge',
    means: (d) =>
      h(
        'p',
        null,
        typeof d['until'] === 'number' && d['until'] > 0
          ? `The epoch could be challenged until ${moment(d['until'])}.`
          : 'The time for challenges is over, or the epoch has been revoked already.',
      ),
    tone: 'warn',
  },
  proof_wrong: {
    title: 'The proof does not lead to what is on the chain',
    means: () =>
      h(
        'p',
        null,
        'Either the data of this page were changed, or they belong to another epoch. Do not rely on this reward. Tell whoever runs this page.',
      ),
  },
  rpc_down: {
    title: 'The chain does not answer',
    means: () => [
      h(
        'p',
        null,
        `The node that this page reads from cannot be reached, so nothing here is known to be current. ${NOTHING}`,
      ),
      h(
        'p',
        null,
        'Check your connection and try again in a minute. If it lasts, tell whoever runs this page: its node is down.',
      ),
    ],
  },
  not_deployed: {
    title: 'The contracts are not on this chain',
    means: () =>
      h(
        'p',
        null,
        'At the addresses that this page was given there is no contract. Perhaps the node follows another chain. Tell whoever runs this page.',
      ),
  },
  service_down: {
    title: 'The page’s own service does not answer',
    means: () =>
      h(
        'p',
        null,
        'Start it again with ',
        h('code', null, 'rlhf-contract web'),
        ' or ask whoever runs it; then try again.',
      ),
  },
  not_found: {
    title: 'There is no such thing here',
    means: () =>
      h('p', null, 'Check the number or the id, or go ', h('a', {href: '#/'}, 'back to the overview'), '.'),
    tone: 'warn',
  },
  relayer_down: {
    title: 'Your signed vote could not be brought',
    means: () =>
      h(
        'p',
        null,
        'It is valid, but this service brings no votes now, and so it does not count yet. Save it and give it to anybody who can bring it with ',
        h('code', null, 'rlhf-contract relay ballot.json'),
        ', or vote by transaction.',
      ),
    tone: 'warn',
  },
  relayer_refused: {
    title: 'The service will not bring this vote',
    means: (d) => [
      h('p', null, 'It says: ', words(d['detail'])),
      h('p', null, 'You can still vote by transaction.'),
    ],
    tone: 'warn',
  },
  too_many: {
    title: 'Too many questions at once',
    means: () => h('p', null, 'The service asks you to wait a moment. Then try again.'),
    tone: 'warn',
  },
  program_malformed: {
    title: 'The program of this contract cannot be read',
    means: () =>
      h(
        'p',
        null,
        'Its bytes are not a program of the reward machine, so nothing can be tried or checked here. Tell whoever runs this page.',
      ),
  },
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : visible(String(value))
}

function words(value: unknown): HTMLElement {
  return h('q', null, h('bdi', null, text(value).slice(0, 400)))
}

/** The failure as a notice; `again` becomes the way on when trying again makes sense. */
export function failure(error: unknown, again?: () => unknown, label = 'Try again'): HTMLElement {
  const known = error instanceof PageError ? error : null
  const words_ = known && WORDS[known.code]
  const way =
    again &&
    h(
      'div',
      {class: 'row'},
      action(label, '', async () => {
        await again()
      }),
    )
  const made = words_
    ? notice(words_.tone ?? 'bad', words_.title, words_.means(known.data), way)
    : notice(
        'bad',
        'That did not work',
        h('p', null, text(known?.message ?? 'Something failed that this page did not expect.')),
        problems(known),
        way,
      )
  if (known) made.dataset['code'] = known.code
  if (!known || known.code === 'fault') console.error(error)
  return made
}

/** The failure of what a wallet should send; where it is on another chain, the way on leads over the right one. */
export function sendFailure(desk: Desk, error: unknown, again: () => Promise<unknown>): HTMLElement {
  if (!(error instanceof PageError) || error.code !== 'wrong_chain') return failure(error, again)
  const change = async (): Promise<void> => {
    await desk.switchChain().catch(() => {}) // then `again` finds the wrong chain, and says so
    await again()
  }
  return failure(error, change, 'Change the chain and go on')
}

/** What is wrong with a text, line by line, where the failure says so. */
function problems(error: PageError | null): Child {
  const found = error?.data['problems']
  if (!Array.isArray(found)) return null
  return h(
    'ul',
    null,
    found.map((p: unknown) =>
      h(
        'li',
        null,
        h(
          'bdi',
          null,
          typeof p === 'object' && p !== null && 'message' in p
            ? text((p as {message: unknown}).message)
            : text(p),
        ),
      ),
    ),
  )
}

/** For a title: who it is. */
export function who(address: string): string {
  return short(address)
}
