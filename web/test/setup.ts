import { cleanup, configure } from '@testing-library/react'
import { afterEach } from 'vitest'

afterEach(() => cleanup())

// What is loaded when it is asked for takes its time on a busy machine; what never comes still fails.
configure({ asyncUtilTimeout: 10_000 })
