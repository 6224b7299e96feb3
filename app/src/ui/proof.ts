/** A text's promises on a screen: how far the proof is, then whether each of them is kept. */

import {whenDone, type Hex, type Proof} from '../index'
import type {Desk} from './desk'
import {h, replace, type Child} from './dom'
import {promises} from './english'
import {failure} from './failure'
import {loading, notice} from './parts'

/** How far a proof is. */
export function proving(now: Proof | null = null): HTMLElement {
  return loading(
    now?.total ? `Proving: ${now.done} of ${now.total} promises done …` : 'Proving every promise …',
  )
}

/** Fills `where` with what the text promises. `advice` is for who reads of a broken one, `report` stands below. */
export async function showProof(
  desk: Desk,
  specHash: Hex,
  where: HTMLElement,
  advice: Child = null,
  report: (proof: Proof) => Child = () => null,
): Promise<void> {
  const title = h('h2', null, 'What it promises')
  replace(where, title, proving())
  try {
    const proof = await whenDone(
      () => desk.api.proof(specHash),
      (now) => {
        if (now.state === 'pending') replace(where, title, proving(now))
      },
    )
    replace(
      where,
      title,
      proof.allProved
        ? h(
            'p',
            null,
            h('span', {class: 'good'}, `All ${proof.promises.length} promises are proved`),
            ' for every possible answer, not only for examples.',
          )
        : notice('bad', 'Not every promise is kept', advice),
      promises(proof.promises),
      report(proof),
    )
  } catch (error) {
    replace(
      where,
      title,
      failure(error, () => showProof(desk, specHash, where, advice, report)),
    )
  }
}
