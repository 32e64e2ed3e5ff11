// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// Lets the implementation behind a proxy be set up once, and the bare implementation never.
abstract contract Initializable {
    uint8 private initializedVersion;

    event Initialized(uint8 version);

    modifier initializer() {
        require(initializedVersion == 0, "Initializable: contract is already initialized");
        initializedVersion = 1;
        _;
        emit Initialized(1);
    }

    function disableInitializers() internal {
        initializedVersion = type(uint8).max;
        emit Initialized(type(uint8).max);
    }
}
