// FUSETests
