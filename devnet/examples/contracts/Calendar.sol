// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// In the place of Epochs: eras of epochs of one length, the newest last. Before the start it
/// refuses in words of its own.
contract Calendar {
    struct Era {
        uint32 from;
        uint32 to;
        uint64 fromTs;
        uint64 duration;
        uint64 decisionWindow;
    }

    uint256 public immutable start;
    address private immutable owner;
    Era[] public epochProps;

    constructor(uint256 begin, uint256 duration, uint256 decisionWindow, address multisig) {
        start = begin;
        owner = multisig;
        epochProps.push(Era(1, 0, uint64(begin), uint64(duration), uint64(decisionWindow)));
    }

    function epochPropsIndex() public view returns (uint256) {
        return epochProps.length - 1;
    }

    function getCurrentEpoch() public view returns (uint256) {
        require(block.timestamp >= start, "wait for it");
        Era memory era = _era();
        if (era.to != 0) return era.to;
        return era.from + (block.timestamp - era.fromTs) / era.duration;
    }

    function getCurrentEpochEnd() public view returns (uint256) {
        Era memory era = _era();
        return era.fromTs + era.duration * (1 + getCurrentEpoch() - era.from);
    }

    function isDecisionWindowOpen() external view returns (bool) {
        if (getCurrentEpoch() == 1) return false;
        Era memory era = _era();
        return (block.timestamp - era.fromTs) % era.duration <= era.decisionWindow;
    }

    function setEpochProps(uint256 duration, uint256 decisionWindow) external {
        require(msg.sender == owner, "HN:Common/unauthorized-caller");
        require(decisionWindow <= duration, "HN:Epochs/decision-window-bigger-than-duration");
        uint256 current = getCurrentEpoch();
        uint256 end = getCurrentEpochEnd();
        Era storage newest = epochProps[epochPropsIndex()];
        if (newest.fromTs > block.timestamp) {
            newest.duration = uint64(duration);
            newest.decisionWindow = uint64(decisionWindow);
            return;
        }
        newest.to = uint32(current);
        Era memory next = Era(
            uint32(current + 1), 0, uint64(end), uint64(duration), uint64(decisionWindow)
        );
        epochProps.push(next);
    }

    function _era() private view returns (Era memory) {
        uint256 newest = epochPropsIndex();
        return epochProps[epochProps[newest].fromTs > block.timestamp ? newest - 1 : newest];
    }
}
