// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

/// @notice A class of stakeholders, named as in the spec (operator, safety_board, users …).
struct Class {
    string name;
    /// Millionths; all classes together weigh exactly 1,000,000.
    uint32 weight;
    /// Whether a proposal fails when this class is against it.
    bool veto;
}

/// @notice What counting needs of a class.
struct ClassRule {
    uint32 weight;
    bool veto;
}

/// @notice An account's part in a class. No shares: no member.
struct Member {
    address account;
    uint8 classId;
    uint64 shares;
}

/// @title Who the stakeholders are, and what they weigh
/// @notice Classes have weights and vetoes, members have shares of a class. Every change is checkpointed by time,
/// nothing can be transferred or delegated, and only a passed vote (the timelock) changes anything.
/// @dev Assumptions:
/// - `timelock` is fixed for life. A governor that moves to another timelock needs new StakeholderVotes as well.
/// - `…At` views answer for any time; the answer for a time that has not passed may still change. The standard
///   `getPast…` views refuse such a time, as the ERC demands.
/// - Classes are never removed, since members and past proposals point to them: to retire one, give it weight 0 and
///   no veto.
/// - Votes as the standard knows them are the member's part of the class's weight, in millionths, rounded down; they
///   decide who may propose and what VoteCast reports. What passes is decided by shares and whole classes.
/// - Changes are reported by ClassSet and MemberSet only; the standard's delegation events never occur.
interface IStakeholderVotes is IERC5805 {
    /// @notice Class `classId` has this name, weight and veto from now on.
    event ClassSet(uint8 indexed classId, string name, uint32 weight, bool veto);
    /// @notice `account` has left whatever class it was in, and has `shares` in `classId` (none: it is no member).
    event MemberSet(address indexed account, uint8 indexed classId, uint64 shares);

    /// @notice Votes belong to the stakeholder and move only by a vote of all.
    error NonTransferable();
    /// @notice Only the timelock may do this.
    error OnlyTimelock(address timelock, address caller);
    /// @notice Weights must add up to exactly 1,000,000.
    error WeightsNotWhole(uint256 sum);
    /// @notice There may be at most 32 classes, and never fewer than before.
    error ClassCount(uint256 minimum, uint256 maximum, uint256 given);
    /// @notice There is no class with this number.
    error ClassUnknown(uint256 classId, uint256 count);
    /// @notice The zero address cannot be a member.
    error AccountIsZero();
    /// @notice What has not passed can still change. Named as in OpenZeppelin's Votes, for tools that know it.
    error ERC5805FutureLookup(uint256 timepoint, uint48 clock);

    /// @notice The only account that may change anything.
    function timelock() external view returns (address);

    /// @notice Sets name, weight and veto of all classes at once; classId is the position. Timelock only.
    function setClasses(Class[] calldata classes) external;

    /// @notice Puts `account` into a class with `shares`, out of any other; no shares removes it. Timelock only.
    function setMember(address account, uint8 classId, uint64 shares) external;

    /// @notice Class and shares of `account` at `timepoint`.
    function membershipAt(
        address account,
        uint256 timepoint
    ) external view returns (bool member, uint8 classId, uint64 shares);

    /// @notice Rules of all classes at `timepoint`, in one call.
    function classesAt(uint256 timepoint) external view returns (ClassRule[] memory);

    /// @notice Weight, veto and the members' shares together, of one class at `timepoint`.
    function classAt(
        uint256 classId,
        uint256 timepoint
    ) external view returns (uint32 weight, bool veto, uint64 totalShares);

    /// @notice Number of classes at `timepoint`.
    function classCountAt(uint256 timepoint) external view returns (uint256);

    /// @notice Present name of a class.
    function className(uint256 classId) external view returns (string memory);
}
