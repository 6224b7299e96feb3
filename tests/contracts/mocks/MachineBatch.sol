// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

interface IMachine {
    function run(bytes calldata program, int64[] calldata row) external pure returns (uint8 status, int64 reward);
}

/// @notice Many rows in one call.
contract MachineBatch {
    IMachine private immutable MACHINE;

    constructor(IMachine machine) {
        MACHINE = machine;
    }

    function run(
        bytes calldata program,
        int64[][] calldata rows
    ) external view returns (uint8[] memory status, int64[] memory reward) {
        (status, reward) = (new uint8[](rows.length), new int64[](rows.length));
        for (uint256 i = 0; i < rows.length; ++i) (status[i], reward[i]) = MACHINE.run(program, rows[i]);
    }
}
