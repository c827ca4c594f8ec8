import SimulatorCommands

await SimulatorMain.main()
