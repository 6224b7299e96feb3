/** The small pieces that every screen uses. */

import {h, visible, type Child} from './dom'
import {duration, moment, short} from './format'
import {announce} from './announce'

export type Tone = 'good' | 'bad' | 'warn' | 'accent' | ''

export function badge(words: string, tone: Tone = ''): HTMLElement {
  return h('span', {class: tone ? `badge ${tone}-tone` : 'badge'}, words)
}

/** A hash or an address: shortened, whole on demand, and a button that copies it. */
export function hash(value: string, what: string): HTMLElement {
  const shown = h('code', {title: value}, short(value))
  const whole = h(
    'button',
    {
      type: 'button',
      class: 'tiny',
      'aria-expanded': 'false',
      'aria-label': `Show the whole ${what}`,
      click: () => {
        const open = whole.getAttribute('aria-expanded') !== 'true'
        whole.setAttribute('aria-expanded', String(open))
        shown.textContent = open ? value : short(value)
      },
    },
    '…',
  )
  return h('span', {class: 'hash'}, shown, value.length > 14 && whole, copier(value, what))
}

/** A button that puts `value` on the clipboard. */
export function copier(value: string, what: string): HTMLElement {
  const button = h('button', {type: 'button', class: 'tiny', 'aria-label': `Copy the ${what}`}, 'Copy')
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(value)
      button.textContent = 'Copied'
      announce(`The ${what} has been copied.`)
    } catch {
      button.textContent = 'Select it by hand'
    }
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
  return button
}

/** A moment in local time and UTC; how far it is from `now` stands before it when `now` is given. */
export function time(seconds: number, now?: number): HTMLElement {
  const iso = new Date(seconds * 1000).toISOString()
  const far =
    now === undefined
      ? ''
      : seconds > now
        ? `in ${duration(seconds - now)}, `
        : `${duration(now - seconds)} ago, `
  return h('time', {datetime: iso}, `${far}${moment(seconds)}`)
}

/** Pairs of a name and what it is. */
export function facts(rows: readonly (readonly [string, Child])[]): HTMLElement {
  return h(
    'dl',
    {class: 'facts'},
    rows.map(([name, value]) => [h('dt', null, name), h('dd', null, value)]),
  )
}

/** A table with a caption for those who cannot see it; on a phone its rows fold. `marked` rows stand out. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Child[])[],
  options: {
    right?: readonly number[]
    marked?: readonly number[]
    sum?: readonly number[]
    flat?: boolean
  } = {},
): HTMLElement {
  const side = (n: number): string | null => (options.right?.includes(n) ? 'right' : null)
  return h(
    'table',
    {class: options.flat ? 'table' : 'table folds'},
    h('caption', {class: 'unseen'}, caption),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        columns.map((c, n) => h('th', {scope: 'col', class: side(n)}, c)),
      ),
    ),
    h(
      'tbody',
      null,
      rows.map((row, r) =>
        h(
          'tr',
          {class: options.marked?.includes(r) ? 'marked' : options.sum?.includes(r) ? 'sum' : null},
          row.map((cell, n) =>
            n === 0
              ? h('th', {scope: 'row', 'data-name': columns[n] ?? ''}, h('span', null, cell))
              : h('td', {class: side(n), 'data-name': columns[n] ?? ''}, h('span', null, cell)),
          ),
        ),
      ),
    ),
  )
}

/** What happened, why, and a way on. Bad news interrupts a screen reader. */
export function notice(tone: Tone, title: string, ...body: Child[]): HTMLElement {
  const role = tone === 'bad' ? 'alert' : tone === '' ? null : 'status'
  return h('div', {class: tone ? `notice ${tone}-tone` : 'notice', role}, title && h('h3', null, title), body)
}

/** Free words of somebody else's: isolated, quoted, with what cannot be seen written out. */
export function quoted(text: string): HTMLElement {
  return h('span', {class: 'quote'}, '“', h('bdi', null, visible(text)), '”')
}

/** Closed until somebody wants to know. */
export function more(summary: Child, ...body: Child[]): HTMLDetailsElement {
  return h('details', null, h('summary', null, summary), body)
}

export function loading(what: string): HTMLElement {
  return h('div', {class: 'loading', role: 'status'}, h('span', {class: 'busy', 'aria-hidden': 'true'}), what)
}

/** A button that does one thing at a time and says that it is at it. */
export function action(label: string, style: string, run: () => Promise<unknown>): HTMLButtonElement {
  const button = h('button', {type: 'button', class: style}, label)
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    const spinner = h('span', {class: 'busy', 'aria-hidden': 'true'})
    button.prepend(spinner)
    try {
      await run()
    } finally {
      spinner.remove()
      button.removeAttribute('aria-disabled')
    }
  })
  return button
}
