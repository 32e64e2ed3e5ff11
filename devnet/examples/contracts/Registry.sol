// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// In the place of Proposals. It refuses to answer for epochs before the first list.
contract Registry {
    string public cid;
    address private immutable owner;
    mapping(uint256 => address[]) private lists;

    modifier onlyOwner() {
        require(msg.sender == owner, "HN:Common/unauthorized-caller");
        _;
    }

    constructor(string memory first, address multisig) {
        cid = first;
        owner = multisig;
    }

    function setCID(string calldata next) external onlyOwner {
        cid = next;
    }

    function setProposalAddresses(uint256 epoch, address[] calldata list) external onlyOwner {
        lists[epoch] = list;
    }

    function getProposalAddresses(uint256 epoch) external view returns (address[] memory) {
        while (lists[epoch].length == 0) {
            require(epoch != 0, "nothing so early");
            epoch--;
        }
        return lists[epoch];
    }
}
