// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The deployed library RewardMachine, called like any contract
interface IRewardMachine {
    /// @notice See RewardMachine.run.
    function run(
        bytes calldata program,
        int64[] calldata row
    ) external pure returns (uint8 status, int64 reward);
}
