"""One epoch, step by step: refuse a wrong spec, compute, commit, write; let each oracle check and sign; post."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from eth_account.signers.local import LocalAccount

from rlhf_contract.chain import attestation
from rlhf_contract.chain.deployment import Ledger
from rlhf_contract.chain.node import Sent
from rlhf_contract.chain.typed_data import RewardBatch, batch_message, sign
from rlhf_contract.errors import DataError, EpochError
from rlhf_contract.hashing import to_hex
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.from_file import Columns, to_rows
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.rows import Rows
from rlhf_contract.machine.to_numpy import Outcomes
from rlhf_contract.oracle import payload
from rlhf_contract.oracle.cosigner import objections
from rlhf_contract.oracle.durable import write_durably
from rlhf_contract.oracle.epoch_file import (
    MAX_ROWS,
    DataFolder,
    Epoch,
    Header,
    read_epoch,
    root_of,
    run_id,
    write_epoch,
)
from rlhf_contract.oracle.recompute import load_voted
from rlhf_contract.oracle.salts import SaltBox, Sample, encode_salts, in_epoch
from rlhf_contract.scorers.scorer import COMPLETIONS, PROMPTS, text_names

__all__ = ["Active", "Prepared", "RewardBatch", "commit", "cosign", "header_of", "load_active", "post", "prepare"]

SIGNING_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Active:
    """The contract in force, checked against the chain, and who may attest for it."""

    contract: Contract
    program: Program
    in_force: attestation.InForce


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sealed epoch: its rows and outcomes, its file, and the batch that oracles are asked to sign."""

    rows: Rows
    outcomes: Outcomes
    path: Path
    batch: RewardBatch


def load_active(ledger: Ledger, spec: Path) -> Active:
    """The contract in `spec`, only if it is the active version.

    Raises SpecMismatch when it is another text or program, ChainError when nothing is in force.
    """
    in_force = attestation.in_force(ledger)
    contract, program = load_voted(spec, in_force.spec_hash, in_force.program_hash)
    return Active(contract, program, in_force)


def prepare(
    ledger: Ledger,
    active: Active,
    columns: Columns,
    folder: DataFolder,
    box: SaltBox,
    run: str,
    progress: Callable[[int], None] | None = None,
) -> Prepared:
    """Compute every reward of `columns`, commit to each sample, and write the next epoch's files, salts by `box`.

    Nothing is signed or sent. Raises DataError when a signal has no column.
    """
    rows = to_rows(active.contract, columns)
    if len(rows) > MAX_ROWS:
        raise DataError(f"{columns.where}: {len(rows):,} rows; one epoch holds at most {MAX_ROWS:,}")
    outcomes = to_numpy.run(active.program, rows.signals, rows.lists, progress)
    samples, committed = commit(columns, active.contract)
    epoch = Epoch(committed, outcomes.status, rows.signals, outcomes.reward, rows.lists)
    root = root_of(epoch)
    last, last_seal = attestation.latest(ledger)
    header = header_of(active, ledger.contract_id, run, last + 1)
    folder.create()
    sealed = encode_salts(committed, box.seal(in_epoch(root), samples), box.key_id)
    write_durably(folder.salts(root), sealed, mode=0o600)
    folder.spec(active.in_force.spec_hash).write_bytes(active.contract.source.encode())
    ledger.deployment.write(folder.deployment)
    path = folder.epoch(root)
    data_hash = write_epoch(path, header, epoch)
    batch = RewardBatch(
        contractId=ledger.contract_id,
        specHash=active.in_force.spec_hash,
        runId=run_id(run),
        epoch=last + 1,
        root=root,
        count=len(rows),
        prevSeal=last_seal,
        dataHash=data_hash,
        configDigest=active.in_force.config_digest,
        deadline=ledger.node.now() + SIGNING_SECONDS,
    )
    return Prepared(rows, outcomes, path, batch)


def commit(columns: Columns, contract: Contract) -> tuple[list[Sample], npt.NDArray[np.uint8]]:
    """The texts of N rows, each with a fresh salt, and the sample ids, uint8 [N, 32], that these make.

    A column of one of a text's names that `contract` has as a signal is no text.

    Raises DataError when a text is no Unicode text (a lone surrogate).
    """
    signals = {s.name for s in contract.signals}
    try:
        prompts, completions = (text_names(names, signals) for names in (PROMPTS, COMPLETIONS))
        return payload.commit(columns.text(*prompts), columns.text(*completions))
    except UnicodeEncodeError:
        raise DataError(f"{columns.where}: a prompt or an answer holds half a character (a surrogate)") from None


def header_of(active: Active, contract_id: bytes, run: str, epoch: int) -> Header:
    """What a file of this contract's rewards says of itself; a batch that is in no epoch yet says 0."""
    return Header(
        to_hex(contract_id),
        to_hex(active.in_force.spec_hash),
        to_hex(active.in_force.program_hash),
        to_hex(run_id(run)),
        epoch,
        tuple(s.name for s in active.contract.signals),
        {s.name: tuple(f.name for f in s.fields) for s in active.contract.signals if s.kind == "list"},
    )


def cosign(ledger: Ledger, spec: Path, folder: DataFolder, batch: RewardBatch, oracle: LocalAccount) -> bytes:
    """What an oracle does before it signs: trust nobody, read the data, compute everything again.

    Raises EpochError with every finding, SpecMismatch when its own spec is not the active one.
    """
    active = load_active(ledger, spec)
    last, last_seal = attestation.latest(ledger)
    header, epoch, data_hash = read_epoch(folder.epoch(batch.root))
    found = objections(batch, header, epoch, data_hash, active, ledger.contract_id, last, last_seal, ledger.node.now())
    if oracle.address not in active.in_force.oracles.signers:
        found.append(f"{oracle.address} is not one of the oracles in force")
    if found:
        raise EpochError(
            f"{oracle.address} does not sign epoch {batch.epoch}:\n" + "\n".join(f"  - {f}" for f in found)
        )
    return sign(oracle, batch_message(batch, ledger.node.chain_id, ledger.log.address))


def post(
    ledger: Ledger, relayer: LocalAccount, active: Active, batch: RewardBatch, signatures: Mapping[str, bytes]
) -> Sent:
    """Bring the signed batch to the chain.

    Raises Refused with the reason: TooFewSignatures, EpochNotNext, SpecNotActive, BatchExpired …
    """
    return attestation.attest(ledger, relayer, batch, active.in_force.oracles, signatures)
