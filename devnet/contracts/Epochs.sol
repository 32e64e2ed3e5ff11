// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

import {OctantBase} from "./OctantBase.sol";

/// The calendar: epochs of a fixed duration, each of which (but the first) begins with a decision
/// window. New durations take effect from the next epoch.
contract Epochs is OctantBase {
    struct EpochProps {
        uint32 from;
        uint32 to; // 0 while the entry is open ended
        uint64 fromTs;
        uint64 duration;
        uint64 decisionWindow;
    }

    uint256 public immutable start;
    uint256 public epochPropsIndex;
    mapping(uint256 => EpochProps) public epochProps;

    constructor(uint256 _start, uint256 _epochDuration, uint256 _decisionWindow, address _auth)
        OctantBase(_auth)
    {
        start = _start;
        epochProps[0] = EpochProps({
            from: 1,
            to: 0,
            fromTs: uint64(_start),
            duration: uint64(_epochDuration),
            decisionWindow: uint64(_decisionWindow)
        });
    }

    function setEpochProps(uint256 _epochDuration, uint256 _decisionWindow) external onlyMultisig {
        require(
            _decisionWindow <= _epochDuration,
            "HN:Epochs/decision-window-bigger-than-duration"
        );
        EpochProps memory props = getCurrentEpochProps();
        if (props.to == 0) {
            uint256 current = getCurrentEpoch();
            uint256 end = getCurrentEpochEnd();
            epochProps[epochPropsIndex].to = uint32(current);
            epochPropsIndex += 1;
            epochProps[epochPropsIndex].from = uint32(current + 1);
            epochProps[epochPropsIndex].fromTs = uint64(end);
        }
        // Otherwise the next entry was already written during this epoch: the last call wins.
        epochProps[epochPropsIndex].duration = uint64(_epochDuration);
        epochProps[epochPropsIndex].decisionWindow = uint64(_decisionWindow);
    }

    function isStarted() public view returns (bool) {
        return block.timestamp >= start;
    }

    function getCurrentEpoch() public view returns (uint256) {
        require(isStarted(), "HN:Epochs/not-started-yet");
        EpochProps memory props = getCurrentEpochProps();
        if (props.to != 0) {
            return props.to;
        }
        return (block.timestamp - props.fromTs) / props.duration + props.from;
    }

    function getCurrentEpochEnd() public view returns (uint256) {
        uint256 current = getCurrentEpoch();
        EpochProps memory props = getCurrentEpochProps();
        return props.fromTs + props.duration * (1 + current - props.from);
    }

    function getPendingEpoch() external view returns (uint256) {
        require(isDecisionWindowOpen(), "HN:Epochs/not-pending");
        return getCurrentEpoch() - 1;
    }

    function getFinalizedEpoch() external view returns (uint256) {
        uint256 current = getCurrentEpoch();
        bool open = isDecisionWindowOpen();
        require(current > 1 && !(current == 2 && open), "HN:Epochs/not-finalized");
        return open ? current - 2 : current - 1;
    }

    function isDecisionWindowOpen() public view returns (bool) {
        if (getCurrentEpoch() == 1) {
            return false;
        }
        EpochProps memory props = getCurrentEpochProps();
        return (block.timestamp - props.fromTs) % props.duration <= props.decisionWindow;
    }

    function getEpochDuration() external view returns (uint256) {
        return getCurrentEpochProps().duration;
    }

    function getDecisionWindow() external view returns (uint256) {
        return getCurrentEpochProps().decisionWindow;
    }

    function getCurrentEpochProps() public view returns (EpochProps memory) {
        EpochProps memory props = epochProps[epochPropsIndex];
        if (props.fromTs > block.timestamp) {
            return epochProps[epochPropsIndex - 1];
        }
        return props;
    }
}
