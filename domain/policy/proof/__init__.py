"""The proof that a document gives nobody less than the law: regions of facts, decided one by one."""
