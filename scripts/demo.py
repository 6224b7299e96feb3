"""`brownie run demo`: the story of `make demo`, told on the development chain that Brownie has started."""

from brownie import web3

from rlhf_contract.cli.demo import demo


def main():
    demo(rpc=web3.provider.endpoint_uri)
