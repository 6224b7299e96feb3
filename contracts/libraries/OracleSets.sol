// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The digest that stands for an oracle set, the same in the registry that stores it and the log that checks it
library OracleSets {
    function digest(
        address registry,
        bytes32 contractId,
        uint64 configCount,
        address[] calldata signers,
        uint8 threshold,
        uint8 faults
    ) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(block.chainid, registry, contractId, configCount, signers, threshold, faults)
            );
    }
}
