/** Propose a new text: read, proved and compared here before anybody has to vote on it. */

import {whenDone} from '../api'
import {wallet} from '../index'
import type {Proof, SpecDocument} from '../types'
import {announce} from '../ui/announce'
import type {Desk} from '../ui/desk'
import {h, replace, visible} from '../ui/dom'
import {firstSentence, points} from '../ui/effect'
import {promises} from '../ui/english'
import {failure, sendFailure} from '../ui/failure'
import {short} from '../ui/format'
import {action, facts, hash, loading, notice} from '../ui/parts'
import {patch} from '../ui/patch'
import {proving} from '../ui/proof'
import {to} from '../ui/router'
import {connect} from '../ui/wallets'
import type {View} from './screen'

export const propose: View = (desk) => {
  const area = h('textarea', {id: 'text', spellcheck: 'false', 'aria-describedby': 'text-hint'})
  const result = h('div', null)
  const {active} = desk.ledger
  if (active)
    void desk.text(active).then(
      (spec) => {
        if (!area.value) area.value = spec.source
      },
      () => {},
    ) // then one starts from nothing
  return {
    title: 'Propose a change',
    body: [
      h(
        'p',
        null,
        'Change the text below, or choose a file. Before it can be proposed, every promise is proved here; after that the stakeholders see what it changes and vote. Only stakeholders may propose.',
      ),
      h(
        'div',
        {class: 'field'},
        h('label', {for: 'file'}, 'A file (.legal)'),
        h('input', {
          type: 'file',
          id: 'file',
          accept: '.legal,text/plain',
          change: async (event) => {
            const file = (event.target as HTMLInputElement).files?.[0]
            if (file) area.value = await file.text()
          },
        }),
      ),
      h(
        'div',
        {class: 'field'},
        h('label', {for: 'text'}, 'The new text'),
        area,
        h(
          'p',
          {class: 'hint', id: 'text-hint'},
          'It needs a VERSION of its own. Members, weights and voting rules are changed with a change file on the command line: rlhf-contract propose change.toml',
        ),
      ),
      action('Check and prove it', 'main', () => check(desk, area.value, result)),
      result,
    ],
  }
}

async function check(desk: Desk, text: string, where: HTMLElement): Promise<void> {
  replace(where, loading('Reading the text …'))
  try {
    const spec = await desk.give(text)
    const {active} = desk.ledger
    if (spec.specHash === active) {
      replace(
        where,
        notice(
          'warn',
          'This is the text that is in force',
          h('p', null, 'Change something, and give it a VERSION of its own.'),
        ),
      )
      return
    }
    const proof = await whenDone(
      () => desk.api.proof(spec.specHash),
      (now) => {
        replace(where, proving(now))
      },
    )
    const before = active ? await desk.text(active).catch(() => null) : null
    replace(
      where,
      h('h2', null, `Version ${visible(spec.version)} of ${visible(spec.contract)}`),
      proof.allProved
        ? notice('good', `All ${proof.promises.length} promises are proved`)
        : notice(
            'bad',
            'It does not keep its promises, so it is not put to the vote',
            h('p', null, 'Each broken one shows a row that breaks it.'),
          ),
      promises(proof.promises),
      before && [h('h3', null, 'What it changes'), patch(before.source, spec.source)],
      proof.allProved && h('div', null, loading('Comparing with the version in force …')),
    )
    announce(proof.allProved ? 'All promises are proved.' : 'It does not keep its promises.')
    if (!proof.allProved) return
    const last = where.lastElementChild
    if (before && last) {
      const diff = await whenDone(() => desk.api.diff(before.specHash, spec.specHash))
      if (diff.comparison)
        last.before(
          h(
            'div',
            {class: 'lede'},
            h('h2', null, 'If this passes'),
            h('p', {class: 'first'}, firstSentence(diff.comparison)),
            h(
              'ul',
              null,
              points(diff.comparison).map((p) => h('li', null, p)),
            ),
          ),
        )
    }
    if (last) replace(last, form(desk, spec, proof))
  } catch (error) {
    replace(
      where,
      failure(error, () => check(desk, text, where)),
    )
  }
}

function form(desk: Desk, spec: SpecDocument, proof: Proof): HTMLElement {
  const note = h('textarea', {id: 'note', style: 'min-height:6rem;font-family:inherit'})
  const place = h('div', null)
  const send = async (): Promise<void> => {
    if (!desk.session && !(await connect(desk))) return
    const {session} = desk
    if (!session || !proof.proofHash) return
    replace(place, loading('Confirm it in your wallet …'))
    try {
      const draft = wallet.adoption(desk.ledger, spec, proof.proofHash, desk.site.compiler, note.value.trim())
      const sent = await wallet.propose(session, desk.chain, draft, (tx) => {
        replace(place, loading(`Sent (${short(tx)}). Waiting for the chain …`))
      })
      await desk.refresh().catch(() => {}) // the banner on top says that the chain does not answer
      replace(
        place,
        notice(
          'good',
          'It is proposed',
          h(
            'p',
            null,
            'Every stakeholder can now read it. Send them the address of ',
            h('a', {href: to('proposal', sent.id)}, 'its page'),
            '.',
          ),
        ),
      )
    } catch (error) {
      replace(place, sendFailure(desk, error, send))
    }
  }
  return h(
    'section',
    null,
    h('h2', null, 'Put it to the vote'),
    facts([
      ['Text (specHash)', hash(spec.specHash, 'fingerprint of the text')],
      ['Program (programHash)', hash(spec.programHash, 'fingerprint of the program')],
    ]),
    h('div', {class: 'field'}, h('label', {for: 'note'}, 'Why (shown to the voters)'), note),
    action('Propose it', 'main', send),
    place,
  )
}
