"""The contract of safe_assistant.legal, written in Python. Run it to see the text that is voted on:

python examples/safe_assistant.py > my_contract.legal
"""

from __future__ import annotations

from rlhf_contract.lang.from_python import RewardContract, min_

contract = RewardContract(
    "SafeAssistant",
    version="1.0.0",
    title="Rewards for the support assistant",
    jurisdiction=["EU", "US-CA"],
    reward=(-2, 1),
)

contract.score("helpfulness")
contract.score("harmlessness")
contract.real("toxicity", 0, 1)
contract.int("tokens", 0, 8192)
contract.bool("contains_pii")
contract.bool("truthful")
contract.bool("hedged")

contract.let("brevity", lambda s: 1 - s.tokens * "0.0001")


@contract.reward_function("operator", weight="0.40")
def operator(s):
    """Each function runs once, over symbols: it writes down what will be computed for every row."""
    return 0.7 * s.helpfulness + 0.3 * s.brevity


@contract.reward_function("safety_board", weight="0.40", veto=True)
def safety_board(s):
    return min_(s.harmlessness, 1 - s.toxicity)


@contract.reward_function("users", weight="0.20")
def users(s):
    return s.helpfulness


contract.aggregate("weighted_mean")

contract.requires("answered", lambda s: s.tokens > 0)
contract.invariant("no_pii", lambda s: ~s.contains_pii, at_most=-1)
contract.invariant("honest", lambda s: s.truthful | s.hedged, penalty="0.5")
contract.invariant("civil", lambda s: s.toxicity <= "0.5", penalty="0.8")

contract.ensures("private", lambda s: s.contains_pii.implies(s.reward <= 0))
contract.prove_monotone("helpfulness")
contract.prove_violation_never_pays(of="no_pii")
contract.prove_pareto()

if __name__ == "__main__":
    print(contract.source(), end="")
