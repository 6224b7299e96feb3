// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {Class, ClassRule, IStakeholderVotes, Member} from "./interfaces/IStakeholderVotes.sol";

/// @dev See {IStakeholderVotes}.
contract StakeholderVotes is IStakeholderVotes {
    using Checkpoints for Checkpoints.Trace208;

    uint256 private constant WHOLE = 1_000_000;
    uint256 private constant MAX_CLASSES = 32;

    /// @inheritdoc IStakeholderVotes
    address public immutable timelock;

    string[] private _names;
    ClassRule[][] private _generations; // one per setClasses, so a snapshot reads all classes from a slot or two
    Checkpoints.Trace208 private _generationAt; // time → generation index + 1
    mapping(uint256 classId => Checkpoints.Trace208) private _totalShares;
    mapping(address account => Checkpoints.Trace208) private _memberships; // classId + 1, then 64 bits of shares

    modifier onlyTimelock() {
        if (msg.sender != timelock) revert OnlyTimelock(timelock, msg.sender);
        _;
    }

    constructor(address timelock_, Class[] memory classes, Member[] memory members) {
        timelock = timelock_;
        _setClasses(classes);
        for (uint256 i = 0; i < members.length; ++i) {
            _setMember(members[i].account, members[i].classId, members[i].shares);
        }
    }

    /// @inheritdoc IStakeholderVotes
    function setClasses(Class[] calldata classes) external onlyTimelock {
        _setClasses(classes);
    }

    /// @inheritdoc IStakeholderVotes
    function setMember(address account, uint8 classId, uint64 shares) external onlyTimelock {
        _setMember(account, classId, shares);
    }

    /// @inheritdoc IStakeholderVotes
    function membershipAt(
        address account,
        uint256 timepoint
    ) public view returns (bool member, uint8 classId, uint64 shares) {
        return _unpack(_memberships[account].upperLookupRecent(SafeCast.toUint48(timepoint)));
    }

    /// @inheritdoc IStakeholderVotes
    function classesAt(uint256 timepoint) public view returns (ClassRule[] memory rules) {
        uint256 generation = _generationAt.upperLookupRecent(SafeCast.toUint48(timepoint));
        if (generation != 0) rules = _generations[generation - 1];
    }

    /// @inheritdoc IStakeholderVotes
    function classAt(uint256 classId, uint256 timepoint) public view returns (uint32, bool, uint64) {
        ClassRule[] memory rules = classesAt(timepoint);
        if (classId >= rules.length) revert ClassUnknown(classId, rules.length);
        uint256 shares = _totalShares[classId].upperLookupRecent(SafeCast.toUint48(timepoint));
        return (rules[classId].weight, rules[classId].veto, uint64(shares));
    }

    /// @inheritdoc IStakeholderVotes
    function classCountAt(uint256 timepoint) external view returns (uint256) {
        return classesAt(timepoint).length;
    }

    /// @inheritdoc IStakeholderVotes
    function className(uint256 classId) external view returns (string memory) {
        if (classId >= _names.length) revert ClassUnknown(classId, _names.length);
        return _names[classId];
    }

    /// @inheritdoc IERC6372
    function clock() public view returns (uint48) {
        return Time.timestamp();
    }

    /// @inheritdoc IERC6372
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external pure returns (string memory) {
        return "mode=timestamp";
    }

    /// @inheritdoc IVotes
    function getVotes(address account) external view returns (uint256) {
        return _votesAt(account, clock());
    }

    /// @inheritdoc IVotes
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256) {
        return _votesAt(account, _past(timepoint));
    }

    /// @inheritdoc IVotes
    function getPastTotalSupply(uint256 timepoint) external view returns (uint256) {
        return classesAt(_past(timepoint)).length == 0 ? 0 : WHOLE;
    }

    /// @inheritdoc IVotes
    function delegates(address account) external pure returns (address) {
        return account;
    }

    /// @inheritdoc IVotes
    function delegate(address) external pure {
        revert NonTransferable();
    }

    /// @inheritdoc IVotes
    function delegateBySig(address, uint256, uint256, uint8, bytes32, bytes32) external pure {
        revert NonTransferable();
    }

    function _setClasses(Class[] memory classes) private {
        uint256 before = _names.length;
        if (classes.length < before || classes.length > MAX_CLASSES) {
            revert ClassCount(before, MAX_CLASSES, classes.length);
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < classes.length; ++i) sum += classes[i].weight;
        if (sum != WHOLE) revert WeightsNotWhole(sum);

        ClassRule[] storage rules = _generations.push();
        _generationAt.push(clock(), uint208(_generations.length));
        for (uint256 i = 0; i < classes.length; ++i) {
            Class memory class = classes[i];
            if (i == _names.length) _names.push();
            _names[i] = class.name;
            rules.push(ClassRule(class.weight, class.veto));
            emit ClassSet(uint8(i), class.name, class.weight, class.veto);
        }
    }

    function _setMember(address account, uint8 classId, uint64 shares) private {
        if (account == address(0)) revert AccountIsZero();
        if (classId >= _names.length) revert ClassUnknown(classId, _names.length);

        (, uint8 oldClassId, uint64 oldShares) = _unpack(_memberships[account].latest());
        if (oldShares != 0) _setTotal(oldClassId, _totalShares[oldClassId].latest() - oldShares);
        _setTotal(classId, _totalShares[classId].latest() + shares);
        uint208 membership = shares == 0 ? 0 : ((uint208(classId) + 1) << 64) | shares;
        _memberships[account].push(clock(), membership);

        emit MemberSet(account, classId, shares);
    }

    /// @dev A tally holds at most the total of its class, so keeping totals to 64 bits keeps tallies from overflowing.
    function _setTotal(uint8 classId, uint256 shares) private {
        _totalShares[classId].push(clock(), SafeCast.toUint64(shares));
    }

    function _votesAt(address account, uint256 timepoint) private view returns (uint256) {
        (bool member, uint8 classId, uint64 shares) = membershipAt(account, timepoint);
        if (!member) return 0;
        (uint32 weight, , uint64 totalShares) = classAt(classId, timepoint);
        return (uint256(weight) * shares) / totalShares;
    }

    function _past(uint256 timepoint) private view returns (uint256) {
        if (timepoint >= clock()) revert ERC5805FutureLookup(timepoint, clock());
        return timepoint;
    }

    function _unpack(uint208 membership) private pure returns (bool member, uint8 classId, uint64 shares) {
        if (membership != 0) return (true, uint8(membership >> 64) - 1, uint64(membership));
    }
}
