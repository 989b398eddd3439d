//! Storage: the commit log, the index behind it, and one repository per data type.
