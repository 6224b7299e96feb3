// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {IContractRegistry, IGovernorTimelock, OracleSet, Version} from "./interfaces/IContractRegistry.sol";
import {OracleSets} from "./libraries/OracleSets.sol";

/// @dev See {IContractRegistry}.
contract ContractRegistry is IContractRegistry {
    using Checkpoints for Checkpoints.Trace208;

    struct Record {
        string name;
        address governor;
        uint64 configCount;
        bytes32 activeSpec; // also the last of versions; kept apart so that attestable() reads two slots
        bytes32 configDigest;
        Version[] versions;
        Checkpoints.Trace208 history; // time → version index + 1
        mapping(bytes32 specHash => uint256) place; // version index + 1
    }

    uint256 private constant MAX_NAME = 64;
    uint256 private constant MAX_SIGNERS = 31;

    mapping(bytes32 contractId => Record) private _records;

    modifier onlyTimelock(bytes32 contractId) {
        address timelock = IGovernorTimelock(_known(contractId).governor).timelock();
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
        if (version.parentSpecHash != record.activeSpec) {
            revert ParentNotActive(record.activeSpec, version.parentSpecHash);
        }
        uint256 place = record.place[specHash];
        if (place != 0) revert SpecAlreadyAdopted(specHash, place - 1);

        record.versions.push(version);
        place = record.versions.length;
        record.place[specHash] = place;
        record.history.push(Time.timestamp(), uint208(place));
        record.activeSpec = specHash;

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
        record.configDigest = digest;

        emit OraclesSet(contractId, digest, OracleSet(configs, signers, threshold, faults));
    }

    /// @inheritdoc IContractRegistry
    function identity(bytes32 contractId) external view returns (string memory name, address governor) {
        Record storage record = _known(contractId);
        return (record.name, record.governor);
    }

    /// @inheritdoc IContractRegistry
    function active(bytes32 contractId) external view returns (bytes32) {
        return _known(contractId).activeSpec;
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
    function attestable(bytes32 contractId) external view returns (bytes32 specHash, bytes32 configDigest) {
        Record storage record = _records[contractId];
        return (record.activeSpec, record.configDigest);
    }

    /// @inheritdoc IContractRegistry
    function configCount(bytes32 contractId) external view returns (uint64) {
        return _known(contractId).configCount;
    }

    /// @inheritdoc IContractRegistry
    function oracleDigest(bytes32 contractId, OracleSet calldata set) external view returns (bytes32) {
        return
            OracleSets.digest(
                address(this),
                contractId,
                set.configCount,
                set.signers,
                set.threshold,
                set.faults
            );
    }

    function _known(bytes32 contractId) private view returns (Record storage record) {
        record = _records[contractId];
        if (record.governor == address(0)) revert ContractUnknown(contractId);
    }
}
