"""The providers' side: Mocean and My-Cool-SMS as a server to try things with (contract, section 8)."""
