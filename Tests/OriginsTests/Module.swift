// OriginsTests
