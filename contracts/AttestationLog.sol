// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IAttestationLog, RewardBatch} from "./interfaces/IAttestationLog.sol";
import {IContractRegistry, OracleSet} from "./interfaces/IContractRegistry.sol";
import {OracleSets} from "./libraries/OracleSets.sol";
import {RewardLeaf} from "./libraries/RewardLeaf.sol";

/// @dev See {IAttestationLog}.
contract AttestationLog is IAttestationLog, EIP712 {
    bytes32 public constant REWARD_BATCH_TYPEHASH = keccak256(
        "RewardBatch(bytes32 contractId,bytes32 specHash,bytes32 runId,uint64 epoch,bytes32 root,uint32 count,"
        "bytes32 prevRoot,bytes32 dataHash,bytes32 configDigest,uint64 deadline)"
    );

    /// @inheritdoc IAttestationLog
    IContractRegistry public immutable registry;

    mapping(bytes32 contractId => mapping(uint256 epoch => bytes32)) private _roots;
    mapping(bytes32 contractId => mapping(uint256 slot => uint256)) private _stamps; // four epochs to a slot

    constructor(IContractRegistry registry_) EIP712("RLHF-Contract-Wizard AttestationLog", "1") {
        registry = registry_;
    }

    /// @inheritdoc IAttestationLog
    function attest(
        RewardBatch calldata batch,
        OracleSet calldata set,
        uint256 signerBitmap,
        bytes[] calldata signatures
    ) external {
        _checkInForce(batch, set);
        if (block.timestamp > batch.deadline) revert BatchExpired(batch.deadline, block.timestamp);
        if (batch.count == 0 || batch.root == 0) revert BatchEmpty(batch.count, batch.root);
        mapping(uint256 => bytes32) storage roots = _roots[batch.contractId];
        _checkNext(batch, roots);
        _checkSignatures(hashBatch(batch), set, signerBitmap, signatures);

        roots[batch.epoch] = batch.root;
        uint64 stamp = (uint64(uint32(block.timestamp)) << 32) | batch.count; // good until the year 2106
        _stamps[batch.contractId][batch.epoch / 4] |= uint256(stamp) << (64 * (batch.epoch % 4));

        emit Attested(batch.contractId, batch.epoch, batch, signerBitmap);
    }

    /// @inheritdoc IAttestationLog
    function latest(bytes32 contractId) public view returns (uint64 epoch, bytes32 root) {
        mapping(uint256 => bytes32) storage roots = _roots[contractId];
        uint64 beyond = 1;
        while (roots[beyond] != 0) beyond *= 2;
        epoch = beyond / 2;
        while (beyond - epoch > 1) {
            uint64 middle = (epoch + beyond) / 2;
            if (roots[middle] != 0) epoch = middle;
            else beyond = middle;
        }
        root = roots[epoch];
    }

    /// @inheritdoc IAttestationLog
    function epochs(bytes32 contractId, uint64 epoch) public view returns (bytes32, uint48, uint32) {
        uint256 stamp = _stamps[contractId][epoch / 4] >> (64 * (epoch % 4));
        return (_roots[contractId][epoch], uint32(stamp >> 32), uint32(stamp));
    }

    /// @inheritdoc IAttestationLog
    function hashBatch(RewardBatch calldata batch) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REWARD_BATCH_TYPEHASH, batch)));
    }

    /// @inheritdoc IAttestationLog
    function verifyReward(
        bytes32 contractId,
        uint64 epoch,
        bytes calldata leaf,
        bytes32[] calldata proof
    ) external view returns (bool) {
        (bytes32 root, , uint32 count) = epochs(contractId, epoch);
        if (root == 0) revert EpochUnknown(contractId, epoch);
        return RewardLeaf.index(leaf) < count && MerkleProof.verifyCalldata(proof, root, keccak256(leaf));
    }

    function _checkInForce(RewardBatch calldata batch, OracleSet calldata set) private view {
        (bytes32 specHash, bytes32 configDigest) = registry.attestable(batch.contractId);
        if (specHash == 0 || batch.specHash != specHash) revert SpecNotActive(specHash, batch.specHash);
        if (batch.configDigest != configDigest) {
            revert ConfigDigestNotInForce(configDigest, batch.configDigest);
        }
        bytes32 shown = OracleSets.digest(
            address(registry),
            batch.contractId,
            set.configCount,
            set.signers,
            set.threshold,
            set.faults
        );
        if (shown != configDigest) revert OracleSetNotInForce(configDigest, shown);
    }

    /// @dev Epochs have no gaps, so looking at two of them is enough, and no counter need be kept.
    function _checkNext(RewardBatch calldata batch, mapping(uint256 => bytes32) storage roots) private view {
        uint256 epoch = batch.epoch;
        bytes32 prevRoot = epoch == 0 ? bytes32(0) : roots[epoch - 1];
        if (epoch == 0 || (epoch != 1 && prevRoot == 0) || roots[epoch] != 0) {
            (uint64 last, ) = latest(batch.contractId);
            revert EpochNotNext(last + 1, epoch);
        }
        if (batch.prevRoot != prevRoot) revert PrevRootMismatch(prevRoot, batch.prevRoot);
    }

    function _checkSignatures(
        bytes32 digest,
        OracleSet calldata set,
        uint256 signerBitmap,
        bytes[] calldata signatures
    ) private pure {
        if (signatures.length < set.threshold) revert TooFewSignatures(set.threshold, signatures.length);
        address[] calldata signers = set.signers;
        if (signerBitmap >> signers.length != 0) revert SignerBeyondSet(signers.length, signerBitmap);
        uint256 used = 0;
        for (uint256 i = 0; i < signers.length; ++i) {
            if ((signerBitmap >> i) & 1 == 0) continue;
            if (used < signatures.length) {
                address signer = ECDSA.recover(digest, signatures[used]);
                if (signer != signers[i]) revert SignerMismatch(used, signers[i], signer);
            }
            ++used;
        }
        if (used != signatures.length) revert SignatureCount(used, signatures.length);
    }
}
