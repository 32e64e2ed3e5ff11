// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// The part of ERC-20 that our contracts call.
interface IERC20 {
    function transfer(address to, uint256 amount) external returns (bool);

    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}
