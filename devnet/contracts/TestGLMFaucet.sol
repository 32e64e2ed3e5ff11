// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

import {IERC20} from "./IERC20.sol";

/// Gives test GLM to whoever asks, as long as it has some.
contract TestGLMFaucet {
    uint256 public constant AMOUNT = 1000 ether;
    IERC20 public immutable glm;

    event Withdrawn(uint256 amount, uint256 when, address to);

    constructor(address glmAddress) {
        glm = IERC20(glmAddress);
    }

    function sendMeGLM() external {
        sendGLM(msg.sender);
    }

    function sendGLM(address to) public {
        require(glm.transfer(to, AMOUNT));
        emit Withdrawn(AMOUNT, block.timestamp, to);
    }
}
