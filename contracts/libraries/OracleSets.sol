// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IContractRegistry, OracleSet} from "../interfaces/IContractRegistry.sol";

/// @title The digest that stands for an oracle set, the same in the registry that stores it and for those who check it
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

    function digest(
        IContractRegistry registry,
        bytes32 contractId,
        OracleSet calldata set
    ) internal view returns (bytes32) {
        return digest(address(registry), contractId, set.configCount, set.signers, set.threshold, set.faults);
    }

    function contains(OracleSet calldata set, address account) internal pure returns (bool) {
        for (uint256 i = 0; i < set.signers.length; ++i) if (set.signers[i] == account) return true;
        return false;
    }
}
