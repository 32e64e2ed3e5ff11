// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

interface ICoin {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// In the place of Deposits.
contract LockBox {
    ICoin public immutable glm;
    mapping(address => uint256) public deposits;

    event Locked(uint256 depositBefore, uint256 amount, uint256 when, address user);
    event Unlocked(uint256 depositBefore, uint256 amount, uint256 when, address user);

    constructor(ICoin coin) {
        glm = coin;
    }

    function lock(uint256 amount) external {
        require(amount != 0, "HN:Common/invalid-argument");
        uint256 held = deposits[msg.sender];
        deposits[msg.sender] = held + amount;
        require(
            glm.transferFrom(msg.sender, address(this), amount),
            "HN:Deposits/cannot-transfer-from-sender"
        );
        emit Locked(held, amount, block.timestamp, msg.sender);
    }

    function unlock(uint256 amount) external {
        uint256 held = deposits[msg.sender];
        require(held >= amount, "HN:Deposits/deposit-is-smaller");
        deposits[msg.sender] = held - amount;
        require(glm.transfer(msg.sender, amount));
        emit Unlocked(held, amount, block.timestamp, msg.sender);
    }
}
