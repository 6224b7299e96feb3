/// @notice Opens the internal functions of RewardLeaf to tests; compiled together with that file.
contract LeafReader {
    function read(
        bytes calldata leaf
    ) external pure returns (uint32 index, bytes32 sampleId, uint8 status, int64[] memory signals, int64 reward) {
        return (
            RewardLeaf.index(leaf),
            RewardLeaf.sampleId(leaf),
            RewardLeaf.status(leaf),
            RewardLeaf.signals(leaf),
            RewardLeaf.reward(leaf)
        );
    }
}
