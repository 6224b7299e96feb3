/** A version in force, now or once: the text beside its English, its promises, and what it would make of an answer. */

import {PageError} from '../errors'
import type {SpecDocument, Version} from '../types'
import type {Desk} from '../ui/desk'
import {h, replace, visible} from '../ui/dom'
import {beside, pieces, stakeholders} from '../ui/english'
import {failure} from '../ui/failure'
import {facts, hash, loading, more, table} from '../ui/parts'
import {showProof} from '../ui/proof'
import {to} from '../ui/router'
import {tryIt} from '../ui/try'
import {textUpload} from '../ui/upload'
import type {View} from './screen'

export const text: View = async (desk, [wanted]) => {
  const {versions} = desk.ledger
  const version = wanted ? versions.find((v) => v.specHash === wanted) : versions.at(-1)
  if (wanted && !version) throw new PageError('not_found', 'No version has this hash.')
  if (!version)
    return {
      anew: true,
      title: 'The rules',
      body: [
        h(
          'p',
          null,
          'No version has been adopted yet. ',
          h('a', {href: to('proposals')}, 'See what is proposed'),
          '.',
        ),
      ],
    }
  const main = h('div', null, loading('Reading the text …'))
  void show(desk, version, main)
  const active = version === versions.at(-1)
  return {
    anew: true,
    title: `Version ${visible(version.version)} of ${visible(desk.ledger.deployment.name)}`,
    body: [
      h('p', {class: 'strong'}, active ? 'This version is in force.' : 'This version was in force before.'),
      main,
      h('h2', null, 'Every version so far'),
      table(
        'Versions',
        ['Version', 'Text (specHash)', 'In force since'],
        [...versions]
          .reverse()
          .map((v) => [
            v === version
              ? h('b', null, visible(v.version))
              : h('a', {href: to('text', v.specHash)}, visible(v.version)),
            hash(v.specHash, 'fingerprint of the text'),
            `block ${v.block}`,
          ]),
      ),
    ],
  }
}

async function show(desk: Desk, version: Version, main: HTMLElement): Promise<void> {
  let spec: SpecDocument
  try {
    spec = await desk.text(version.specHash)
  } catch (error) {
    replace(
      main,
      failure(error, () => show(desk, version, main)),
      error instanceof PageError &&
        error.code === 'not_found' &&
        textUpload(desk, version.specHash, () => show(desk, version, main)),
    )
    return
  }
  const proof = h('section', null)
  const trial = h('section', null)
  replace(
    main,
    spec.title && h('p', {class: 'quote'}, visible(spec.title)),
    h(
      'p',
      {class: 'small'},
      h('span', {class: 'good'}, '✓ This is exactly the text that was adopted. '),
      'Your browser computed its fingerprint, ',
      hash(spec.specHash, 'fingerprint of the text'),
      ', and it is the one on the chain.',
    ),
    proof,
    h('section', null, h('h2', null, 'What the rewards are made of'), stakeholders(spec)),
    trial,
    h(
      'section',
      null,
      h('h2', null, 'The text, and what it means'),
      spec.about.map((s) => h('p', null, pieces(s.pieces))),
      beside(spec.sections),
    ),
    more(
      'For machines',
      facts([
        ['Program (programHash)', hash(spec.programHash, 'fingerprint of the program')],
        ['Compiler', visible(version.compiler)],
        ['Adopted in', hash(version.transaction, 'transaction')],
      ]),
    ),
  )
  try {
    replace(
      trial,
      h('h2', null, 'Try it'),
      h('p', null, 'Move the sliders as if you graded an answer.'),
      tryIt(null, spec, []),
    )
  } catch (error) {
    replace(trial, failure(error))
  }
  await showProof(desk, spec.specHash, proof)
}
