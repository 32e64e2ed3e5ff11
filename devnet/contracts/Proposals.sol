// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

import {OctantBase} from "./OctantBase.sol";

interface IEpochs {
    function getCurrentEpoch() external view returns (uint256);
}

/// The projects of every epoch and the IPFS folder that describes them.
contract Proposals is OctantBase {
    IEpochs public epochs;
    string public cid;
    mapping(uint256 => address[]) private proposalAddressesByEpoch;

    event EpochsSet(address epochs);

    constructor(string memory _initCID, address[] memory proposals, address _auth)
        OctantBase(_auth)
    {
        requireNoZeroAddress(proposals);
        cid = _initCID;
        proposalAddressesByEpoch[0] = proposals;
    }

    function setEpochs(address _epochs) external onlyMultisig {
        require(address(epochs) == address(0), "HN:Proposals/cannot-set-epochs-twice");
        epochs = IEpochs(_epochs);
        emit EpochsSet(_epochs);
    }

    function setCID(string memory _newCID) external onlyMultisig {
        cid = _newCID;
    }

    function setProposalAddresses(uint256 _epoch, address[] calldata _proposalAddresses)
        external
        onlyMultisig
    {
        if (address(epochs) != address(0)) {
            require(
                _epoch >= epochs.getCurrentEpoch(),
                "HN:Proposals/only-future-proposals-changing-is-allowed"
            );
        }
        requireNoZeroAddress(_proposalAddresses);
        proposalAddressesByEpoch[_epoch] = _proposalAddresses;
    }

    /// The newest non-empty list at or before the epoch: an empty list means "inherit".
    function getProposalAddresses(uint256 _epoch) external view returns (address[] memory) {
        for (uint256 epoch = _epoch; epoch > 0; epoch--) {
            if (proposalAddressesByEpoch[epoch].length > 0) {
                return proposalAddressesByEpoch[epoch];
            }
        }
        return proposalAddressesByEpoch[0];
    }

    function requireNoZeroAddress(address[] memory proposals) private pure {
        for (uint256 i = 0; i < proposals.length; i++) {
            require(proposals[i] != address(0), "HN:Proposals/invalid-proposal");
        }
    }
}
