// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {ICountingByClass} from "../interfaces/ICountingByClass.sol";
import {ClassRule, IStakeholderVotes} from "../interfaces/IStakeholderVotes.sol";

/// @dev See {ICountingByClass}.
abstract contract GovernorCountingByClass is GovernorVotes, ICountingByClass {
    using Checkpoints for Checkpoints.Trace208;

    uint32 private constant WHOLE = 1_000_000;

    Checkpoints.Trace208 private _rules; // time → threshold, then 32 bits of quorum
    mapping(uint256 proposalId => mapping(uint256 classId => Tally)) private _tallies;
    mapping(uint256 proposalId => mapping(address account => bool)) private _voted;

    constructor(uint32 threshold_, uint32 quorum_) {
        _setRules(threshold_, quorum_);
    }

    /// @inheritdoc ICountingByClass
    function setRules(uint32 threshold_, uint32 quorum_) external onlyGovernance {
        _setRules(threshold_, quorum_);
    }

    /// @inheritdoc IGovernor
    // solhint-disable-next-line func-name-mixedcase
    function COUNTING_MODE() external pure returns (string memory) {
        return "support=bravo&quorum=against,for,abstain&unit=class";
    }

    /// @dev StakeholderVotes counts seconds too; asking it at every step would cost each vote 2,000 gas.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @inheritdoc ICountingByClass
    function threshold(uint256 timepoint) public view returns (uint256) {
        return _rules.upperLookupRecent(SafeCast.toUint48(timepoint)) >> 32;
    }

    /// @inheritdoc IGovernor
    function quorum(uint256 timepoint) public view override returns (uint256) {
        return uint32(_rules.upperLookupRecent(SafeCast.toUint48(timepoint)));
    }

    /// @inheritdoc IGovernor
    function hasVoted(uint256 proposalId, address account) external view returns (bool) {
        return _voted[proposalId][account];
    }

    /// @inheritdoc ICountingByClass
    function tally(uint256 proposalId, uint8 classId) external view returns (Tally memory) {
        return _tallies[proposalId][classId];
    }

    /// @inheritdoc ICountingByClass
    function proposalVotes(
        uint256 proposalId
    ) public view returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes) {
        (againstVotes, forVotes, abstainVotes, ) = _count(proposalId);
    }

    /// @inheritdoc ICountingByClass
    function vetoed(uint256 proposalId) public view returns (bool veto) {
        (, , , veto) = _count(proposalId);
    }

    function _quorumReached(uint256 proposalId) internal view override returns (bool) {
        (uint256 against, uint256 favour, uint256 undecided, ) = _count(proposalId);
        return against + favour + undecided >= quorum(proposalSnapshot(proposalId));
    }

    function _voteSucceeded(uint256 proposalId) internal view override returns (bool) {
        (, uint256 favour, , bool veto) = _count(proposalId);
        return !veto && favour >= threshold(proposalSnapshot(proposalId));
    }

    /// @dev Whether anything hangs on the next vote reaching quorum. To ask after each would cost it 20,000 gas.
    function _quorumMatters(uint256 proposalId) internal view virtual returns (bool);

    /// @dev As in Governor, but cheaper. What counts, and what VoteCast reports, are shares: the voter's part of the
    /// class's weight is not looked up. And quorum is looked at only when something hangs on it.
    function _castVote(
        uint256 proposalId,
        address account,
        uint8 support,
        string memory reason,
        bytes memory params
    ) internal virtual override returns (uint256 shares) {
        _validateStateBitmap(proposalId, _encodeStateBitmap(ProposalState.Active));

        bool quorumMatters = _quorumMatters(proposalId);
        shares = _countVote(proposalId, account, support, 0, params);

        if (params.length == 0) emit VoteCast(account, proposalId, support, shares, reason);
        else emit VoteCastWithParams(account, proposalId, support, shares, reason, params);
        if (quorumMatters) _tallyUpdated(proposalId);
    }

    function _countVote(
        uint256 proposalId,
        address account,
        uint8 support,
        uint256 /* weight */,
        bytes memory /* params */
    ) internal override returns (uint256) {
        if (_voted[proposalId][account]) revert GovernorAlreadyCastVote(account);
        uint256 snapshot = proposalSnapshot(proposalId);
        (bool member, uint8 classId, uint64 shares) = _stakeholders().membershipAt(account, snapshot);
        if (!member) revert NotAStakeholder(account, snapshot);

        _voted[proposalId][account] = true;
        Tally storage cast = _tallies[proposalId][classId];
        if (support == 0) cast.against += shares;
        else if (support == 1) cast.favour += shares;
        else if (support == 2) cast.abstain += shares;
        else revert GovernorInvalidVoteType();
        return shares;
    }

    /// @dev Weight of the classes against, in favour, and undecided though some member took part; whether one vetoes.
    function _count(
        uint256 proposalId
    ) private view returns (uint256 against, uint256 favour, uint256 undecided, bool veto) {
        ClassRule[] memory rules = _stakeholders().classesAt(proposalSnapshot(proposalId));
        for (uint256 i = 0; i < rules.length; ++i) {
            Tally memory cast = _tallies[proposalId][i];
            if (cast.favour > cast.against) {
                favour += rules[i].weight;
            } else if (cast.against > cast.favour) {
                against += rules[i].weight;
                veto = veto || rules[i].veto;
            } else if (cast.favour != 0 || cast.abstain != 0) {
                undecided += rules[i].weight;
            }
        }
    }

    function _setRules(uint32 threshold_, uint32 quorum_) private {
        if (threshold_ <= WHOLE / 2 || threshold_ > WHOLE || quorum_ == 0 || quorum_ > WHOLE) {
            revert RulesOutOfRange(threshold_, quorum_);
        }
        _rules.push(clock(), (uint208(threshold_) << 32) | quorum_);
        emit RulesSet(threshold_, quorum_);
    }

    function _stakeholders() private view returns (IStakeholderVotes) {
        return IStakeholderVotes(address(token()));
    }
}
