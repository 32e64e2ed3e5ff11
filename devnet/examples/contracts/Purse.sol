// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// In the place of WithdrawalsTarget: holds the staking proceeds.
contract Purse {
    address private immutable owner;

    constructor(address multisig) {
        owner = multisig;
    }

    receive() external payable {}

    function withdraw(uint256 amount) external {
        require(msg.sender == owner, "HN:Common/unauthorized-caller");
        (bool sent, ) = owner.call{value: amount}("");
        require(sent, "HN:Common/failed-to-send");
    }
}
