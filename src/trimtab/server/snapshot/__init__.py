"""The data plane's configuration in the making: catalog and config file become one immutable snapshot."""
