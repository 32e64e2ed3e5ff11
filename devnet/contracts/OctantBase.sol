// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

import {Auth} from "./Auth.sol";

/// What the contracts guarded by Auth have in common.
abstract contract OctantBase {
    Auth public immutable auth;

    modifier onlyMultisig() {
        require(msg.sender == auth.multisig(), "HN:Common/unauthorized-caller");
        _;
    }

    constructor(address _auth) {
        require(_auth != address(0), "HN:Common/invalid-argument");
        auth = Auth(_auth);
    }
}
