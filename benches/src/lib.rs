//! Times the whole house; each bench is a file of its own beside this folder.
