// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Counting by class
/// @notice Each class decides by its own majority of shares; classes then weigh in whole.
/// - A class is in favour when its for > against, against when its against > for, else undecided.
/// - A proposal succeeds when the classes in favour weigh at least `threshold` and no class with a veto is against.
/// - Quorum is reached when the classes that took part, abstention included, weigh at least `quorum`.
/// @dev Assumptions:
/// - Members, shares, weights, vetoes, threshold and quorum are all read as they were at the proposal's snapshot, so
///   that no later change touches an open or a past proposal (GHSA-xrc4-737v-9q75).
/// - threshold > 500,000, so that what succeeds is never outweighed by the classes against.
/// - The weight of a VoteCast is the voter's shares, as they were added to the class's tally.
interface ICountingByClass {
    /// @notice Shares of one class cast on one proposal.
    struct Tally {
        uint64 against;
        uint64 favour;
        uint64 abstain;
    }

    /// @notice These rules hold for proposals whose snapshot lies at or after this block's timestamp.
    event RulesSet(uint32 threshold, uint32 quorum);

    /// @notice Only members of a class at the proposal's snapshot may vote on it.
    error NotAStakeholder(address account, uint256 snapshot);
    /// @notice 500,000 < threshold <= 1,000,000 and 0 < quorum <= 1,000,000.
    error RulesOutOfRange(uint32 threshold, uint32 quorum);

    /// @notice Sets threshold and quorum, in millionths of the weight of all classes. Governance only.
    function setRules(uint32 threshold, uint32 quorum) external;

    /// @notice Weight of classes in favour that a proposal with its snapshot at `timepoint` needs.
    function threshold(uint256 timepoint) external view returns (uint256);

    /// @notice Shares cast so far in one class.
    function tally(uint256 proposalId, uint8 classId) external view returns (Tally memory);

    /// @notice Weight of the classes against, in favour and undecided, so far; in the order existing tools expect.
    function proposalVotes(
        uint256 proposalId
    ) external view returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes);

    /// @notice Whether a class with a veto is against, so far.
    function vetoed(uint256 proposalId) external view returns (bool);
}
