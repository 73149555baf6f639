"""My-Cool-SMS as a server: one address, all functions of its document, stateful and in memory."""
