// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

import {IERC20} from "./IERC20.sol";
import {OctantBase} from "./OctantBase.sol";

/// Holds locked GLM. Nobody but the depositor can move a deposit.
contract Deposits is OctantBase {
    IERC20 public immutable glm;
    mapping(address => uint256) public deposits;

    event Locked(uint256 depositBefore, uint256 amount, uint256 when, address user);
    event Unlocked(uint256 depositBefore, uint256 amount, uint256 when, address user);

    constructor(address glmAddress, address _auth) OctantBase(_auth) {
        require(glmAddress != address(0), "HN:Common/invalid-argument");
        glm = IERC20(glmAddress);
    }

    function lock(uint256 amount) external {
        require(amount != 0, "HN:Common/invalid-argument");
        uint256 before = deposits[msg.sender];
        deposits[msg.sender] = before + amount;
        require(
            glm.transferFrom(msg.sender, address(this), amount),
            "HN:Deposits/cannot-transfer-from-sender"
        );
        emit Locked(before, amount, block.timestamp, msg.sender);
    }

    function unlock(uint256 amount) external {
        uint256 before = deposits[msg.sender];
        require(before >= amount, "HN:Deposits/deposit-is-smaller");
        deposits[msg.sender] = before - amount;
        require(glm.transfer(msg.sender, amount));
        emit Unlocked(before, amount, block.timestamp, msg.sender);
    }
}
