/** What a proposal to adopt a text would change: proved, compared, tried, read. */

import {whenDone} from '../api'
import {PageError} from '../errors'
import type {Comparison, Proof, Proposal, SpecDocument} from '../types'
import type {Desk} from '../ui/desk'
import {h, replace, visible, type Child} from '../ui/dom'
import {firstSentence, firstText, points, whenItTakesEffect} from '../ui/effect'
import {beside, comparedRow, paperParts, pieces} from '../ui/english'
import {failure} from '../ui/failure'
import {decimal} from '../ui/format'
import {facts, hash, loading, more} from '../ui/parts'
import {addedLines, patch} from '../ui/patch'
import {showProof} from '../ui/proof'
import {tryIt, type Example} from '../ui/try'
import {textUpload} from '../ui/upload'

type ShowPanel = (spec: SpecDocument | null, problem?: HTMLElement) => void

export async function adoption(
  desk: Desk,
  current: () => Proposal,
  main: HTMLElement,
  show: ShowPanel,
): Promise<void> {
  const p = current()
  const {adopted} = p
  if (!adopted) return
  const lede = h(
    'section',
    {class: 'lede', 'aria-labelledby': 'effect', 'data-ready': 'false'},
    h('h2', {id: 'effect'}, 'If this passes'),
    loading('Reading the text that is voted on …'),
  )
  replace(main, lede)
  let spec: SpecDocument
  try {
    spec = await desk.text(adopted.specHash)
    if (spec.programHash !== adopted.programHash)
      throw new PageError('hash_mismatch', 'The program is not what is voted on.', {
        what: 'programHash',
        expected: adopted.programHash,
        actual: spec.programHash,
      })
  } catch (error) {
    const missing =
      error instanceof PageError && (error.code === 'not_found' || error.code === 'hash_mismatch')
    const problem = failure(error, missing ? undefined : () => adoption(desk, current, main, show))
    replace(
      main,
      problem,
      missing && textUpload(desk, adopted.specHash, () => adoption(desk, current, main, show)),
    )
    show(
      null,
      h('p', {class: 'bad'}, 'You cannot vote here: this page does not have the text that is voted on.'),
    )
    return
  }
  show(spec)
  const parent = await olderText(desk, p)
  const before = parent instanceof PageError ? null : parent
  const slots = {
    example: h('div', null),
    trial: h('section', null),
    detail: h('section', null),
    proof: h('section', null),
  }
  replace(
    main,
    lede,
    slots.example,
    slots.trial,
    slots.detail,
    wording(before, spec),
    slots.proof,
    whole(before, spec),
  )
  drawTrial(slots.trial, before, spec, [])
  const advice = h('p', null, 'Read which ones before you vote.')
  await Promise.all([
    compare(desk, p, before, spec, lede, slots),
    showProof(desk, spec.specHash, slots.proof, advice, (proof) => report(p, proof)),
  ])
}

/** The text that it would replace; null if it would be the first. */
async function olderText(desk: Desk, p: Proposal): Promise<SpecDocument | PageError | null> {
  const parent = p.adopted?.parentSpecHash
  if (!parent || /^0x0+$/.test(parent)) return null
  try {
    return await desk.text(parent)
  } catch (error) {
    return error instanceof PageError ? error : new PageError('fault', 'The older text could not be read.')
  }
}

interface Slots {
  example: HTMLElement
  trial: HTMLElement
  detail: HTMLElement
  proof: HTMLElement
}

async function compare(
  desk: Desk,
  p: Proposal,
  before: SpecDocument | null,
  spec: SpecDocument,
  lede: HTMLElement,
  slots: Slots,
): Promise<void> {
  const title = h('h2', {id: 'effect'}, p.state === 'executed' ? 'What this changed' : 'If this passes')
  const when =
    p.state === 'active' || p.state === 'pending'
      ? h('p', {class: 'small'}, whenItTakesEffect(desk.ledger))
      : null
  if (!before) {
    replace(lede, title, h('p', {class: 'first'}, firstText(spec.version)), when)
    lede.dataset['ready'] = 'true'
    return
  }
  const waiting = h('div', null, loading('Comparing both versions for every possible answer …'))
  replace(lede, title, waiting, when)
  try {
    const diff = await whenDone(
      () => desk.api.diff(before.specHash, spec.specHash),
      (now) => {
        if (now.state === 'pending' && now.total > 0)
          replace(
            waiting,
            loading(
              `Comparing both versions for every possible answer: ${now.done} of ${now.total} questions answered …`,
            ),
          )
      },
    )
    const c = diff.comparison
    if (!c) throw new PageError('fault', 'The service sent no comparison.')
    replace(
      lede,
      title,
      h(
        'p',
        {class: 'first'},
        firstSentence(c),
        h(
          'span',
          {class: 'small quiet'},
          ` Rewards lie between ${decimal(BigInt(spec.lowest))} and ${decimal(BigInt(spec.highest))}.`,
        ),
      ),
      h(
        'ul',
        null,
        points(c).map((point) => h('li', null, point)),
      ),
      when,
    )
    lede.dataset['ready'] = 'true'
    const examples = examplesOf(c)
    const first = examples[0]
    replace(
      slots.example,
      first && [
        h('h2', null, 'The answer for which it matters most'),
        h(
          'p',
          {class: 'quiet'},
          c.largestFall.exact && c.largestRise.exact
            ? 'Both versions were run on it. No other answer changes by more.'
            : 'Both versions were run on it. It is the largest change that was found.',
        ),
        comparedRow(first.shown, `now (${before.version})`, `then (${spec.version})`),
      ],
    )
    drawTrial(slots.trial, before, spec, examples)
    if (diff.paper)
      replace(
        slots.detail,
        more(
          'Every difference in detail',
          h('p', null, pieces(diff.paper.first)),
          diff.paper.about.map((s) => h('p', null, pieces(s))),
          paperParts(diff.paper),
        ),
      )
  } catch (error) {
    replace(
      lede,
      title,
      failure(error, () => compare(desk, p, before, spec, lede, slots)),
    )
  }
}

interface Shown extends Example {
  readonly shown: NonNullable<Comparison['largestFall']['row']>
}

function examplesOf(c: Comparison): Shown[] {
  const found: [string, Shown['shown'] | null, number][] = [
    ['what loses most', c.largestFall.row, Number(c.largestFall.atLeast)],
    ['what gains most', c.largestRise.row, Number(c.largestRise.atLeast)],
    ['what is newly rewarded', c.rewardedOnlyByNew.row, 0],
    ['what is no longer rewarded', c.rewardedOnlyByOld.row, 0],
    ['a broken rule that pays more', c.refines.row, 0],
  ]
  return found
    .flatMap(([label, row, size]) => (row ? [{label, row: row.signals, shown: row, size}] : []))
    .sort((a, b) => b.size - a.size)
}

function drawTrial(
  where: HTMLElement,
  before: SpecDocument | null,
  spec: SpecDocument,
  examples: readonly Example[],
): void {
  let trial: HTMLElement
  try {
    trial = tryIt(before, spec, examples)
  } catch (error) {
    trial = failure(error)
  }
  replace(
    where,
    h('h2', null, 'Try it before you vote'),
    h(
      'p',
      null,
      'Move the sliders as if you graded an answer. What each version would pay, and which rules it breaks, changes at once.',
    ),
    trial,
  )
}

function wording(before: SpecDocument | null, spec: SpecDocument): Child {
  return (
    before && h('section', null, h('h2', null, 'What changes in the text'), patch(before.source, spec.source))
  )
}

function whole(before: SpecDocument | null, spec: SpecDocument): Child {
  const changed = before ? addedLines(before.source, spec.source) : new Set<number>()
  return h(
    'section',
    null,
    h('h2', null, 'The whole text'),
    more(
      'Read all of it, with its meaning in plain English',
      spec.about.map((s) => h('p', null, pieces(s.pieces))),
      beside(spec.sections, changed),
    ),
  )
}

/** The report of the proof, beside the one that the proposal names. */
function report(p: Proposal, proof: Proof): Child {
  return more(
    'Who proved it',
    facts([
      ['Solver', visible(proof.solver)],
      ['Report', proof.proofHash ? hash(proof.proofHash, 'fingerprint of the report') : ''],
      [
        'In the proposal',
        proof.proofHash === p.adopted?.proofHash
          ? 'the same report'
          : 'another report: another version of the solver writes another one; the verdicts above were found here',
      ],
    ]),
  )
}
