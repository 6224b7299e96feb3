import {numberToHex} from 'viem'
import type {Chain} from '../chain/client'
import {PageError} from '../errors'
import {etherText} from '../numbers'
import type {Address, Hex} from '../types'
import {explained} from './failures'
import {current, type Session} from './session'

/** A transaction that has been mined. */
export interface Sent {
  transaction: Hex
  block: bigint
  gas: bigint
}

/** Told when a transaction was sent and waits for its block. */
export type OnSent = (transaction: Hex) => void

const MINING_SECONDS = 180

/** Tries a call on the node, asks the wallet to send it, waits for its block. Nothing is sent that would be refused. */
export async function send(
  session: Session,
  chain: Chain,
  to: Address,
  data: Hex,
  sent: OnSent = () => {},
): Promise<Sent> {
  const {wallet, address} = await current(session, chain)
  const {client} = chain
  try {
    await client.call({account: address, to, data})
    const [gas, price, balance] = await Promise.all([
      client.estimateGas({account: address, to, data}).catch(() => 0n),
      client.getGasPrice(),
      client.getBalance({address}),
    ])
    if (balance === 0n || balance < gas * price) {
      throw new PageError(
        'insufficient_funds',
        `This account has ${etherText(balance)}, and the transaction needs about ${etherText(gas * price)}. ` +
          'Vote by signature instead, which costs nothing, or add funds.',
        {address, balance, needed: gas * price},
      )
    }
    // half more than the estimate: the same call can cost more by the time it is mined
    const limit = gas ? {gas: numberToHex((gas * 3n) / 2n)} : {}
    const transaction = await wallet.provider.request({
      method: 'eth_sendTransaction',
      params: [{from: address, to, data, ...limit}],
    })
    sent(transaction)
    const receipt = await client.waitForTransactionReceipt({
      hash: transaction,
      pollingInterval: 500,
      timeout: MINING_SECONDS * 1000,
    })
    if (receipt.status !== 'success') {
      throw new PageError('refused', 'The transaction was mined, and the contract refused it.', {transaction})
    }
    return {transaction, block: receipt.blockNumber, gas: receipt.gasUsed}
  } catch (error) {
    throw explained(error)
  }
}
