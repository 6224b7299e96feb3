// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice A contract wallet that wants both owners' signatures, one after the other: 130 bytes (ERC-1271).
contract TwoKeyWallet {
    address[2] public owners;

    constructor(address first, address second) {
        owners = [first, second];
    }

    function isValidSignature(bytes32 hash, bytes calldata signatures) external view returns (bytes4) {
        if (signatures.length != 130) return 0xffffffff;
        for (uint256 i = 0; i < 2; ++i) {
            bytes calldata one = signatures[65 * i:65 * (i + 1)];
            address signer = ecrecover(hash, uint8(one[64]), bytes32(one[:32]), bytes32(one[32:64]));
            if (signer == address(0) || signer != owners[i]) return 0xffffffff;
        }
        return this.isValidSignature.selector;
    }
}
