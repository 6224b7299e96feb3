// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {IContractRegistry, IGovernorTimelock, OracleSet, Version} from "./interfaces/IContractRegistry.sol";
import {IStakeholderVotes} from "./interfaces/IStakeholderVotes.sol";
import {OracleSets} from "./libraries/OracleSets.sol";

/// @dev See {IContractRegistry}.
contract ContractRegistry is IContractRegistry {
    using Checkpoints for Checkpoints.Trace208;

    struct Record {
        string name;
        address governor;
        uint64 configCount;
        uint32 suspendedUntil; // good until the year 2106
        bytes32 quickSpec; // specHash of the last version, or zero since a suspension: attestable() reads two slots
        bytes32 configDigest;
        Version[] versions;
        Checkpoints.Trace208 history; // time → version index + 1
        mapping(bytes32 specHash => uint256) place; // version index + 1
        mapping(bytes32 specHash => bytes32) programs; // also in versions; kept apart for disputes
        mapping(bytes32 configDigest => Term) terms;
        mapping(uint256 classId => Motion) motions;
    }

    struct Term {
        uint48 from;
        uint48 until;
    }

    struct Motion {
        uint48 openedAt;
        uint48 carriedAt; // the last time
        uint64 shares;
        mapping(address member => uint48) backed; // openedAt of the last motion that the member has backed
    }

    uint256 private constant MAX_NAME = 64;
    uint256 private constant MAX_SIGNERS = 31;
    uint48 private constant MOTION = 1 days;
    uint48 private constant SUSPENSION = 7 days;
    uint48 private constant COOLDOWN = 30 days;

    mapping(bytes32 contractId => Record) private _records;

    modifier onlyTimelock(bytes32 contractId) {
        address timelock = timelockOf(contractId);
        if (msg.sender != timelock) revert NotTimelock(contractId, timelock, msg.sender);
        _;
    }

    /// @inheritdoc IContractRegistry
    function register(string calldata name, address governor) external returns (bytes32 contractId) {
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME) revert NameLength(length);
        if (governor.code.length == 0) revert GovernorWithoutCode(governor);
        contractId = keccak256(abi.encode(block.chainid, address(this), governor, name));
        Record storage record = _records[contractId];
        if (record.governor != address(0)) revert AlreadyRegistered(contractId);

        record.name = name;
        record.governor = governor;

        emit Registered(contractId, governor, name);
    }

    /// @inheritdoc IContractRegistry
    function activate(bytes32 contractId, Version calldata version) external onlyTimelock(contractId) {
        Record storage record = _records[contractId];
        bytes32 specHash = version.specHash;
        if (specHash == 0 || version.programHash == 0) revert HashIsZero(specHash, version.programHash);
        bytes32 parent = _activeSpec(record);
        if (version.parentSpecHash != parent) revert ParentNotActive(parent, version.parentSpecHash);
        uint256 place = record.place[specHash];
        if (place != 0) revert SpecAlreadyAdopted(specHash, place - 1);

        record.versions.push(version);
        place = record.versions.length;
        record.place[specHash] = place;
        record.programs[specHash] = version.programHash;
        record.history.push(Time.timestamp(), uint208(place));
        if (_suspendedUntil(record) == 0) record.quickSpec = specHash;

        emit Activated(contractId, specHash, place - 1, version);
    }

    /// @inheritdoc IContractRegistry
    function setOracles(
        bytes32 contractId,
        address[] calldata signers,
        uint8 threshold,
        uint8 faults
    ) external onlyTimelock(contractId) {
        uint256 count = signers.length;
        if (count == 0 || count > MAX_SIGNERS) revert SignerCount(count);
        if (threshold <= faults || threshold > count) revert ThresholdOutOfRange(threshold, faults, count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            if (signers[i] <= previous) revert SignersNotAscending(previous, signers[i]);
            previous = signers[i];
        }

        Record storage record = _records[contractId];
        uint64 configs = ++record.configCount;
        bytes32 digest = OracleSets.digest(address(this), contractId, configs, signers, threshold, faults);
        if (record.configDigest != 0) record.terms[record.configDigest].until = Time.timestamp();
        record.terms[digest].from = Time.timestamp();
        record.configDigest = digest;

        emit OraclesSet(contractId, digest, OracleSet(configs, signers, threshold, faults));
    }

    /// @inheritdoc IContractRegistry
    function suspend(bytes32 contractId, uint8 classId) external {
        Record storage record = _known(contractId);
        Motion storage motion = record.motions[classId];
        uint48 time = Time.timestamp();
        uint48 openedAt = motion.openedAt;
        bool opens = openedAt == 0 || time > openedAt + MOTION;
        uint48 rested = motion.carriedAt + COOLDOWN;
        if (opens && motion.carriedAt != 0 && time < rested) revert ClassMustWait(classId, rested);
        if (opens) openedAt = time;
        else if (motion.backed[msg.sender] == openedAt) revert AlreadyBacked(msg.sender, openedAt);
        (uint64 shares, uint64 totalShares) = _sharesAt(record.governor, classId, openedAt - 1);
        if (!opens) shares += motion.shares;
        bool carried = 2 * uint256(shares) > totalShares;

        motion.backed[msg.sender] = openedAt;
        (motion.openedAt, motion.shares) = (carried ? 0 : openedAt, shares);
        if (carried) {
            motion.carriedAt = time;
            record.suspendedUntil = uint32(time + SUSPENSION);
            record.quickSpec = 0;
        }

        emit SuspensionBacked(contractId, classId, msg.sender, shares, totalShares);
        if (carried) emit Suspended(contractId, classId, time + SUSPENSION);
    }

    /// @inheritdoc IContractRegistry
    function resume(bytes32 contractId) external onlyTimelock(contractId) {
        Record storage record = _records[contractId];
        if (_suspendedUntil(record) == 0) revert NotSuspended(contractId);

        record.suspendedUntil = 0;
        record.quickSpec = _activeSpec(record);

        emit Resumed(contractId);
    }

    /// @inheritdoc IContractRegistry
    function allowSuspension(bytes32 contractId, uint8 classId) external onlyTimelock(contractId) {
        _records[contractId].motions[classId].carriedAt = 0;

        emit SuspensionAllowed(contractId, classId);
    }

    /// @inheritdoc IContractRegistry
    function suspendedUntil(bytes32 contractId) external view returns (uint48) {
        return _suspendedUntil(_known(contractId));
    }

    /// @inheritdoc IContractRegistry
    function timelockOf(bytes32 contractId) public view returns (address) {
        return IGovernorTimelock(_known(contractId).governor).timelock();
    }

    /// @inheritdoc IContractRegistry
    function identity(bytes32 contractId) external view returns (string memory name, address governor) {
        Record storage record = _known(contractId);
        return (record.name, record.governor);
    }

    /// @inheritdoc IContractRegistry
    function active(bytes32 contractId) external view returns (bytes32) {
        return _activeSpec(_known(contractId));
    }

    /// @inheritdoc IContractRegistry
    function activeAt(bytes32 contractId, uint48 time) external view returns (bytes32) {
        Record storage record = _known(contractId);
        uint256 place = record.history.upperLookupRecent(time);
        return place == 0 ? bytes32(0) : record.versions[place - 1].specHash;
    }

    /// @inheritdoc IContractRegistry
    function versionCount(bytes32 contractId) external view returns (uint256) {
        return _known(contractId).versions.length;
    }

    /// @inheritdoc IContractRegistry
    function versionAt(bytes32 contractId, uint256 index) external view returns (Version memory) {
        Version[] storage versions = _known(contractId).versions;
        if (index >= versions.length) revert VersionUnknown(contractId, index, versions.length);
        return versions[index];
    }

    /// @inheritdoc IContractRegistry
    function programOf(bytes32 contractId, bytes32 specHash) external view returns (bytes32) {
        return _records[contractId].programs[specHash];
    }

    /// @inheritdoc IContractRegistry
    function attestable(
        bytes32 contractId
    ) external view returns (bytes32 specHash, bytes32 configDigest, uint48 until) {
        Record storage record = _records[contractId];
        (specHash, configDigest) = (record.quickSpec, record.configDigest);
        if (specHash == 0) (specHash, until) = (_activeSpec(record), _suspendedUntil(record));
    }

    /// @inheritdoc IContractRegistry
    function termOf(bytes32 contractId, bytes32 configDigest) external view returns (uint48, uint48) {
        Term storage term = _records[contractId].terms[configDigest];
        return (term.from, term.until);
    }

    /// @inheritdoc IContractRegistry
    function configCount(bytes32 contractId) external view returns (uint64) {
        return _known(contractId).configCount;
    }

    /// @inheritdoc IContractRegistry
    function oracleDigest(bytes32 contractId, OracleSet calldata set) external view returns (bytes32) {
        return OracleSets.digest(this, contractId, set);
    }

    /// @dev The caller's shares of the class, and all of them; both a second ago or more, when nothing can change.
    function _sharesAt(
        address governor,
        uint8 classId,
        uint48 time
    ) private view returns (uint64 shares, uint64 totalShares) {
        IStakeholderVotes votes = IStakeholderVotes(address(IGovernorTimelock(governor).token()));
        (bool member, uint8 ownClass, uint64 ownShares) = votes.membershipAt(msg.sender, time);
        if (!member || ownClass != classId) revert NotInClass(msg.sender, classId);
        (, bool veto, uint64 total) = votes.classAt(classId, time);
        if (!veto) revert ClassWithoutVeto(classId);
        return (ownShares, total);
    }

    function _activeSpec(Record storage record) private view returns (bytes32) {
        uint256 count = record.versions.length;
        return count == 0 ? bytes32(0) : record.versions[count - 1].specHash;
    }

    function _suspendedUntil(Record storage record) private view returns (uint48 until) {
        until = record.suspendedUntil;
        if (until <= block.timestamp) until = 0;
    }

    function _known(bytes32 contractId) private view returns (Record storage record) {
        record = _records[contractId];
        if (record.governor == address(0)) revert ContractUnknown(contractId);
    }
}
