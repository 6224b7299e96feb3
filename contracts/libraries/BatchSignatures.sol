// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IAttestationLog} from "../interfaces/IAttestationLog.sol";
import {OracleSet} from "../interfaces/IContractRegistry.sol";

/// @title Who has signed a batch, asked the same way by the log that records it and the court that tries it
library BatchSignatures {
    /// @notice Reverts unless enough of the set, and exactly those at the bits of `signerBitmap`, have signed `digest`.
    function check(
        bytes32 digest,
        OracleSet calldata set,
        uint256 signerBitmap,
        bytes[] calldata signatures
    ) internal pure {
        if (signatures.length < set.threshold) {
            revert IAttestationLog.TooFewSignatures(set.threshold, signatures.length);
        }
        address[] calldata signers = set.signers;
        if (signerBitmap >> signers.length != 0) {
            revert IAttestationLog.SignerBeyondSet(signers.length, signerBitmap);
        }
        uint256 used = 0;
        for (uint256 i = 0; i < signers.length; ++i) {
            if ((signerBitmap >> i) & 1 == 0) continue;
            if (used < signatures.length) {
                address signer = ECDSA.recover(digest, signatures[used]);
                if (signer != signers[i]) revert IAttestationLog.SignerMismatch(used, signers[i], signer);
            }
            ++used;
        }
        if (used != signatures.length) revert IAttestationLog.SignatureCount(used, signatures.length);
    }
}
