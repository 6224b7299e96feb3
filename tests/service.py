"""The service over a real journal, store and rewarder, for tests. Signing and sealing are the daemon's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from rlhf_contract.api.app import create_app
from rlhf_contract.api.limits import Limits
from rlhf_contract.api.oracle import Condition
from rlhf_contract.api.service import ServiceSettings
from rlhf_contract.chain.attestation import InForce as AtChain
from rlhf_contract.chain.attestation import OracleSet
from rlhf_contract.chain.typed_data import RewardBatch
from rlhf_contract.errors import ChainError, EpochError, RewardContractError, ScorerError
from rlhf_contract.hashing import keccak256
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.oracle.attester import Active
from rlhf_contract.oracle.journal.access import Role, Tokens
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.lookup import EpochState, Lookup, SampleState
from rlhf_contract.oracle.payload import decode_payload
from rlhf_contract.oracle.rewarder import InForce, Rewarder
from rlhf_contract.oracle.salts import SaltBox, Sample, in_batch
from rlhf_contract.oracle.scoring import Scoring
from rlhf_contract.oracle.store import Store
from rlhf_contract.scorers.pinned import known
from scoring import CONTRACT

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "safe_assistant.legal"
CONTRACT_ID = keccak256(b"a contract of the tests")
ROW = {
    "helpfulness": 0.9, "harmlessness": "0.8", "toxicity": 0.1, "tokens": 100, "contains_pii": False,
    "truthful": True, "hedged": False,
}  # fmt: skip


SCORED = '  words : int [0, 1000] BY "{}"'
SCORERS = '[scorers."{}"]\nkind = "python"\nfunction = "{}:{}"\n'


def example_active(path: Path = EXAMPLE) -> Active:
    """The contract in `path` as a look at the chain would find it, with one oracle."""
    source = path.read_bytes()
    contract = load(source, str(path))
    program = compile_contract(contract)
    oracles = OracleSet(1, ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8",), 1, 0)
    return Active(contract, program, AtChain(keccak256(source), keccak256(program.data), bytes(32), oracles))


def scored_oracle(
    folder: Path, name: str = "length/words", function: Callable[..., Any] | None = None, pin: str = "", **options: Any
) -> ServedOracle:
    """An oracle under a contract with `told`, from a column, and `words`, by the scorer of this name."""
    here = known({name: function} if function else {})
    spec = folder / "scored.legal"
    spec.write_text(CONTRACT.format(signals=SCORED.format(pin or here[name].pin)), "utf-8")
    if function:
        options["file"] = folder / "scorers.toml"
        options["file"].write_text(SCORERS.format(name, function.__module__, function.__name__), "utf-8")
    return ServedOracle(folder, lambda: example_active(spec), scoring=Scoring(**options))


@dataclass
class ServedOracle:
    """An `Oracle` whose chain is what `look` finds; it can read everything and sign nothing."""

    folder: Path
    look: Callable[[], Active]
    chain_id: int = 1337
    members: set[str] = field(default_factory=set)
    scoring: Scoring = field(default_factory=Scoring)

    def __post_init__(self) -> None:
        self.journal = Journal.open(f"sqlite:///{self.folder / 'journal.db'}")
        self.in_force = InForce()
        self.refresh()
        self.box = SaltBox(b"k" * 32, CONTRACT_ID)
        self.rewarder = Rewarder(self.in_force, self.journal, self.box, self.scoring)
        self.lookup = Lookup(self.journal, Store.open(str(self.folder / "data")))

    def refresh(self) -> None:
        """A cycle's look at the chain."""
        try:
            active = self.look()
            with suppress(ScorerError):
                self.scoring.activate(active)
            self.in_force.set(active)
        except ChainError as error:
            self.in_force.set(error)

    @property
    def tokens(self) -> Tokens:
        return self.journal.tokens

    def ready(self) -> Sequence[Condition]:
        checks = {"contract": self.in_force, "scorers": self.scoring.check, "journal": self.journal.counters}
        return [self._condition(name, check) for name, check in checks.items()]

    def _condition(self, name: str, check: Callable[[], object]) -> Condition:
        try:
            check()
        except RewardContractError as error:
            return Condition(name, str(error))
        return Condition(name)

    def journal_rows(self) -> dict[str, int]:
        return self.lookup.journal_rows()

    def erasures(self) -> dict[str, int]:
        return self.lookup.erasures()

    def epochs(self, after: int, limit: int) -> list[EpochState]:
        return self.lookup.epochs(after, limit)

    def epoch(self, number: int) -> EpochState | None:
        return self.lookup.epoch(number)

    def sample(self, sample_id: bytes) -> SampleState | None:
        return self.lookup.sample(sample_id)

    def signed_by_contract(self, address: str, hash_: bytes, signature: bytes) -> bool:
        return False  # there is no chain, so there is no contract

    def is_stakeholder(self, address: str) -> bool:
        return address in self.members

    def seal(self) -> EpochState | None:
        return None

    def cosign(self, batch: RewardBatch, epoch_file: bytes) -> tuple[str, bytes]:
        raise EpochError(f"this oracle has no key; {len(epoch_file)} bytes of epoch {batch.epoch} were not signed")

    def token(self, role: Role, name: str = "") -> dict[str, str]:
        """The header of a new token."""
        return {"Authorization": f"Bearer {self.tokens.create(name or f'a {role}', role)}"}

    def client(self, limits: Limits | None = None) -> TestClient:
        """A client without a socket."""
        app = create_app(self, ServiceSettings(limits=limits or Limits()))
        return TestClient(app, "http://localhost:8700", raise_server_exceptions=False)

    def samples(self) -> list[Sample | None]:
        """The texts and salts of all rows in the journal."""
        found = []
        for waiting in self.journal.waiting():
            for batch in self.journal.unsealed(waiting.run, waiting.spec_hash, 1000):
                read = decode_payload(batch.payload, "a batch")
                found += self.box.open(in_batch(read.uid), read.sealed)
        return found

    def waiting(self) -> int:
        """Rows in the journal."""
        return self.journal.counters().unsealed_rows
