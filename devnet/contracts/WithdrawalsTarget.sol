// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

import {Initializable} from "./Initializable.sol";

/// Gathers staking proceeds for the multisig. Lives behind Proxy, which accepts the plain ETH.
contract WithdrawalsTarget is Initializable {
    address public multisig;

    event Withdrawn(address to, uint256 amount);

    constructor() {
        disableInitializers();
    }

    function initialize(address _multisig) external initializer {
        require(_multisig != address(0));
        multisig = _multisig;
    }

    function withdraw(uint256 amount) external {
        require(msg.sender == multisig, "HN:Common/unauthorized-caller");
        (bool sent, ) = multisig.call{value: amount}("");
        require(sent, "HN:Common/failed-to-send");
        emit Withdrawn(multisig, amount);
    }

    function version() external pure returns (uint256) {
        return 1;
    }
}
