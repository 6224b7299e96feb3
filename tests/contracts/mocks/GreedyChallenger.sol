// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Calls the court, and calls it once more in the same way while it is being paid; or refuses to be paid.
contract GreedyChallenger {
    address private immutable COURT;
    bytes private _call;
    bool private _takes;
    uint256 public attempts;
    bool public stole;

    constructor(address court) {
        COURT = court;
    }

    receive() external payable {
        require(_takes, "no, thank you");
        ++attempts;
        (bool done, ) = COURT.call(_call);
        if (done) stole = true;
    }

    function act(bytes calldata data, bool takes) external {
        (_call, _takes) = (data, takes);
        (bool done, bytes memory answer) = COURT.call(data);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}
