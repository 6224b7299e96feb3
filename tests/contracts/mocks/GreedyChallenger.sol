// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

interface ICourt {
    function collect() external;
}

/// @notice Calls the court, and collects once more while it is being paid.
contract GreedyChallenger {
    ICourt private immutable COURT;
    bool private _modest;

    constructor(ICourt court) {
        COURT = court;
    }

    receive() external payable {
        if (!_modest) COURT.collect();
    }

    function modest() external {
        _modest = true;
    }

    function act(bytes calldata data) external {
        (bool done, bytes memory answer) = address(COURT).call(data);
        if (!done) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}
