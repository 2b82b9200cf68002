//! One row a response: the columns of the table `responses` (SEMANTICS, "Tables"), in their order.
